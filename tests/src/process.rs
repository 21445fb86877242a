//! Runs the binaries of the workspace and checks how they exit.

use crate::SECRET;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A limit for a process that hangs; none takes a minute.
const LONGEST: Duration = Duration::from_mins(3);

/// A command that runs a binary of this workspace, for instance `gate` or `migration`, in an empty environment and in
/// `directory`. The first call builds the binary.
pub fn binary(name: &str, directory: &Path) -> Command {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        build(name);
        built.insert(name.to_owned());
    }
    // Tests run from target/<profile>/deps.
    let executable = std::env::current_exe().expect("the path of this test");
    let target = executable.ancestors().nth(2).expect("the target directory");
    let mut command = Command::new(target.join(name));
    command.env_clear().current_dir(directory);
    command
}

/// Builds a binary of the workspace.
fn build(name: &str) {
    // `cargo test` builds only the binaries of packages that have integration tests of their own. With `--package`,
    // dependencies would have other features than those of `cargo test --workspace`, and would be compiled again.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--workspace", "--bin", name]);
    // With the variables that `cargo test` sets for this package, cargo would build ring and its dependents again.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            build.env_remove(name);
        }
    }
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status();
    assert!(status.is_ok_and(|status| status.success()), "{name} builds");
}

/// The migrator's binary, run in a directory of its own with no other environment than the variables added here.
#[derive(Debug)]
pub struct Migrator {
    directory: TempDir,
    /// Another binary with the same command line.
    program: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Default for Migrator {
    /// Without a database.
    fn default() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        Self { directory, program: None, environment: Vec::new() }
    }
}

impl Migrator {
    /// On the database of `url`.
    pub fn on(url: &str) -> Self {
        Self::default().with("DATABASE_URL", url)
    }

    /// Of the program at `path`, which has the same command line.
    #[must_use]
    pub fn program(mut self, path: &str) -> Self {
        self.program = Some(path.into());
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The command, not started; `arguments` are separated by spaces.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = match &self.program {
            None => binary("migration", self.directory()),
            Some(program) => {
                let mut command = Command::new(program);
                command.env_clear().current_dir(self.directory());
                command
            }
        };
        command.args(arguments.split_whitespace()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it.
    pub fn start(&self, arguments: &str) -> Running {
        Running::start(&mut self.command(arguments), arguments)
    }

    /// Runs it until it exits.
    pub fn run(&self, arguments: &str) -> Exited {
        self.start(arguments).wait()
    }
}

/// A running process, killed on drop.
#[derive(Debug)]
pub struct Running {
    arguments: String,
    child: Child,
    stdout: Reader,
    stderr: Reader,
}

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command, arguments: &str) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = Reader::start(child.stdout.take().expect("a pipe"));
        let stderr = Reader::start(child.stderr.take().expect("a pipe"));
        Self { arguments: arguments.to_owned(), child, stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has exited.
    pub fn has_exited(&mut self) -> bool {
        self.child.try_wait().expect("a child process").is_some()
    }

    /// Waits until its standard error contains `text`.
    pub fn wait_for_stderr(&mut self, text: &str) {
        let started = Instant::now();
        while !self.stderr.so_far().contains(text) {
            if started.elapsed() > LONGEST || self.has_exited() {
                // Its last output may not have been read yet.
                let exited = self.kill();
                assert!(exited.stderr.contains(text), "{text:?} is not in its output: {exited:?}");
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGKILL unless it has exited, and waits for its exit.
    pub fn kill(&mut self) -> Exited {
        self.child.kill().expect("a child process");
        self.exited()
    }

    /// Waits for its exit.
    pub fn wait(mut self) -> Exited {
        let started = Instant::now();
        while !self.has_exited() {
            assert!(started.elapsed() < LONGEST, "it does not exit: {:?}", self.kill());
            thread::sleep(Duration::from_millis(2));
        }
        self.exited()
    }

    fn exited(&mut self) -> Exited {
        let status = self.child.wait().expect("a child process");
        Exited {
            arguments: self.arguments.clone(),
            code: status.code(),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe in a thread, so that the process never blocks on it.
#[derive(Debug)]
struct Reader {
    text: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn start(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let read = move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let read = String::from_utf8_lossy(&buffer[..length]);
                shared.lock().unwrap_or_else(PoisonError::into_inner).push_str(&read);
            }
        };
        Self { text, thread: Some(thread::spawn(read)) }
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

/// The exit code and the output of a process.
#[derive(Clone, Debug)]
pub struct Exited {
    arguments: String,
    /// `None` if a signal killed it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, code, stdout, stderr } = self;
        write!(f, "`{arguments}` exited with {code:?} and wrote\n{stdout}{stderr}")
    }
}

impl Exited {
    /// Asserts exit code 0 without an error.
    pub fn succeeds(&self) -> &Self {
        self.neither_panics_nor_leaks();
        assert_eq!((self.code, self.errors()), (Some(0), 0), "{self}");
        self
    }

    /// Asserts exit code 1, and one error that contains every text.
    pub fn fails(&self, texts: &[&str]) -> &Self {
        self.exits_with(1, texts)
    }

    /// Asserts exit code 2, for wrong usage, and one error that contains every text.
    pub fn is_misused(&self, texts: &[&str]) -> &Self {
        self.exits_with(2, texts)
    }

    /// The number of migrations that it reports as applied.
    pub fn applied(&self) -> usize {
        self.stdout.lines().filter(|line| line.starts_with("Applied m")).count()
    }

    /// The number of migrations that it reports as rolled back.
    pub fn rolled_back(&self) -> usize {
        self.stdout.lines().filter(|line| line.starts_with("Rolled back m")).count()
    }

    fn exits_with(&self, code: i32, texts: &[&str]) -> &Self {
        self.neither_panics_nor_leaks();
        assert_eq!((self.code, self.errors()), (Some(code), 1), "{self}");
        for text in texts {
            assert!(self.stderr.contains(text), "the error does not contain {text:?}: {self}");
        }
        self
    }

    fn errors(&self) -> usize {
        self.stderr.lines().filter(|line| line.starts_with("error: ")).count()
    }

    fn neither_panics_nor_leaks(&self) {
        for text in ["panicked", "backtrace", "BACKTRACE", SECRET] {
            let is_in_output = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(!is_in_output, "{text:?} is in its output: {self}");
        }
    }
}
