//! The rows of a dump, read from its files: their number and digest for the manifest, and the hash by which the server
//! compares them with its own.
//!
//! The digest is the sum of a 128-bit hash (XXH3) of each line of `COPY`, so it does not depend on the order of the rows. It is
//! read from the dump, which `pg_dump` wrote in the snapshot, because that costs a quarter of what the server needs to hash
//! its rows while it is dumped, and because a file that was read is known to be readable.

use crate::manifest::{FileEntry, HashedFile, Manifest};
use crate::server_hash::Rows;
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use twox_hash::XxHash3_128;

const BUFFER: usize = 256 * 1024;

/// What a data file contains.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) rows: u64,
    pub(crate) digest: String,
    /// The hash that the server computes for the same rows, if it was asked for.
    pub(crate) hash: Option<String>,
}

/// Reads a data file. `kinds` are the letters of the columns, see [`COLUMNS`](crate::server_hash::COLUMNS); `None`: no hash.
pub(crate) fn read(file: impl Read, path: &str, kinds: Option<&str>) -> io::Result<Content> {
    let file = BufReader::with_capacity(BUFFER, file);
    if Path::new(path).extension().is_some_and(|extension| extension == "gz") {
        read_lines(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)), kinds)
    } else {
        read_lines(file, kinds)
    }
}

fn read_lines(mut input: impl BufRead, kinds: Option<&str>) -> io::Result<Content> {
    let mut hash = kinds.map(Rows::new);
    let (mut rows, mut sum) = (0, 0_u128);
    let mut line = Vec::new();
    loop {
        line.clear();
        input.read_until(b'\n', &mut line)?;
        let Some(row) = line.strip_suffix(b"\n") else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the rows have no end"));
        };
        if row == b"\\." {
            break;
        }
        rows += 1;
        sum = sum.wrapping_add(XxHash3_128::oneshot(row));
        if hash.as_mut().is_some_and(|hash| hash.add(row).is_none()) {
            let reason = format!("row {rows} is not one of its table");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
    }
    io::copy(&mut input, &mut io::sink())?;
    Ok(Content { rows, digest: format!("{sum:032x}"), hash: hash.map(|hash| hash.sum()) })
}

/// Reads every file of a backup once, `jobs` at the same time: returns its entry of the manifest, and its content if `is_data`.
pub(crate) fn read_all(
    directory: &Path,
    paths: Vec<String>,
    is_data: impl Fn(&str) -> bool + Sync,
    jobs: usize,
) -> io::Result<Vec<(FileEntry, Option<Content>)>> {
    let rest = Mutex::new(paths.into_iter());
    let work = || {
        let mut found = Vec::new();
        loop {
            let next = rest.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(path) = next else { return Ok(found) };
            let mut file = HashedFile::open(&directory.join(&path))?;
            let content = if is_data(&path) { Some(read(&mut file, &path, None)?) } else { None };
            found.push((file.finish(path)?, content));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for thread in threads {
            let found: io::Result<_> = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread that read the files panicked")));
            all.extend(found?);
        }
        Ok(all)
    })
}

/// Reads the data file of each table of a manifest for what a server should find that has these rows of [`COLUMNS`].
///
/// [`COLUMNS`]: crate::server_hash::COLUMNS
pub(crate) fn expect(
    directory: &Path,
    manifest: &Manifest,
    columns: &[Vec<String>],
) -> io::Result<BTreeMap<String, Content>> {
    let mut contents = BTreeMap::new();
    for table in &manifest.tables {
        let kinds = columns.iter().find_map(|row| match row.as_slice() {
            [name, kinds, _] if *name == table.name => Some(kinds),
            _ => None,
        });
        let file = table.file.as_ref().filter(|file| manifest.files.iter().any(|entry| entry.path == **file));
        if let (Some(kinds), Some(path)) = (kinds, file) {
            let content = read(File::open(directory.join(path))?, path, Some(kinds))?;
            contents.insert(table.name.clone(), content);
        }
    }
    Ok(contents)
}
