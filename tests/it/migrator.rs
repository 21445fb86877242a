//! Runs the migrator's binary in a directory of its own, and judges how it ended.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::binary;

/// What the passwords in these tests contain; no output of any run may.
pub const SECRET: &str = "s3cret";

/// Only against hanging: nothing here takes a minute by itself.
const LONGEST: Duration = Duration::from_mins(3);

/// A working directory in which the binary runs with nothing in its environment but what is said.
#[derive(Debug)]
pub struct Migrator {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

impl Migrator {
    /// Without a database.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        Self { directory, environment: Vec::new() }
    }

    /// On the database of `url`.
    pub fn on(url: &str) -> Self {
        Self::new().with("DATABASE_URL", url)
    }

    /// With one more variable in its environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command, its arguments separated by spaces, not started.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = binary("migration", self.directory());
        command.args(arguments.split_whitespace()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it.
    pub fn start(&self, arguments: &str) -> Running {
        Running::start(&mut self.command(arguments), arguments)
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &str) -> Ended {
        self.start(arguments).end()
    }
}

/// A run that goes on; it is killed with this value.
#[derive(Debug)]
pub struct Running {
    arguments: String,
    child: Child,
    output: Heard,
    errors: Heard,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command, arguments: &str) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let output = Heard::listen(child.stdout.take().expect("a pipe"));
        let errors = Heard::listen(child.stderr.take().expect("a pipe"));
        Self { arguments: arguments.to_owned(), child, output, errors }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it goes on no more.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }

    /// Waits until its standard error contains `words`.
    pub fn says(&mut self, words: &str) {
        let started = Instant::now();
        while !self.errors.so_far().contains(words) {
            if started.elapsed() > LONGEST || self.has_ended() {
                // What it said last may not have been read yet.
                let ended = self.kill();
                assert!(ended.stderr.contains(words), "it never says {words:?}: {ended:?}");
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it with SIGKILL, if it has not ended, and waits for its end.
    pub fn kill(&mut self) -> Ended {
        self.child.kill().expect("a child of ours");
        self.take_end()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let started = Instant::now();
        while !self.has_ended() {
            assert!(started.elapsed() < LONGEST, "it does not end: {:?}", self.kill());
            thread::sleep(Duration::from_millis(2));
        }
        self.take_end()
    }

    fn take_end(&mut self) -> Ended {
        let status = self.child.wait().expect("a child of ours");
        Ended {
            arguments: self.arguments.clone(),
            code: status.code(),
            stdout: self.output.all(),
            stderr: self.errors.all(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a pipe has said so far.
#[derive(Debug)]
struct Heard {
    text: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&text);
        let listen = move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let words = String::from_utf8_lossy(&buffer[..length]);
                heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(&words);
            }
        };
        Self { text, thread: Some(thread::spawn(listen)) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("a thread that only reads");
        }
        self.so_far()
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    arguments: String,
    /// `None` if it was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, code, stdout, stderr } = self;
        write!(f, "`migration {arguments}` ended with {code:?} and said\n{stdout}{stderr}")
    }
}

impl Ended {
    /// It did what it was told, without an error.
    pub fn succeeds(&self) -> &Self {
        self.keeps_its_composure();
        assert_eq!((self.code, self.errors()), (Some(0), 0), "{self}");
        self
    }

    /// It failed with exit code 1, and one error that contains all `words`.
    pub fn fails(&self, words: &[&str]) -> &Self {
        self.ends_with(1, words)
    }

    /// It refused a wrong use with exit code 2, and one error that contains all `words`.
    pub fn is_misused(&self, words: &[&str]) -> &Self {
        self.ends_with(2, words)
    }

    /// How many migrations it says it applied.
    pub fn applied(&self) -> usize {
        self.stdout.lines().filter(|line| line.starts_with("Applied m")).count()
    }

    /// How many migrations it says it rolled back.
    pub fn rolled_back(&self) -> usize {
        self.stdout.lines().filter(|line| line.starts_with("Rolled back m")).count()
    }

    fn ends_with(&self, code: i32, words: &[&str]) -> &Self {
        self.keeps_its_composure();
        assert_eq!((self.code, self.errors()), (Some(code), 1), "{self}");
        for words in words {
            assert!(self.stderr.contains(words), "it says nothing of {words:?}: {self}");
        }
        self
    }

    fn errors(&self) -> usize {
        self.stderr.lines().filter(|line| line.starts_with("error: ")).count()
    }

    fn keeps_its_composure(&self) {
        for words in ["panicked", "backtrace", "BACKTRACE", SECRET] {
            let said = self.stdout.contains(words) || self.stderr.contains(words);
            assert!(!said, "it says {words:?}: {self}");
        }
    }
}
