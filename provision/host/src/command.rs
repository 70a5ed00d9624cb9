//! The one way to run a program.

use std::time::Duration;

use crate::HostError;

/// A program to run: an absolute path and words, never a shell line. The environment is the same small one for
/// every program.
#[derive(Debug, Clone)]
pub struct Command {
    program: &'static str,
    words: Vec<String>,
    stdin: Vec<u8>,
    limit: Duration,
    accept: &'static [i32],
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// At most the first MiB of its standard output.
    pub stdout: Vec<u8>,
    /// The last 4 KiB of its standard error.
    pub stderr: String,
}

impl Command {
    /// `program` must be an absolute path.
    pub fn new(program: &'static str) -> Self {
        Self {
            program,
            words: Vec::new(),
            stdin: Vec::new(),
            limit: Duration::from_secs(30),
            accept: &[0],
        }
    }
    /// One more word.
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.words.push(word.into());
        self
    }
    /// More words.
    pub fn args<I: IntoIterator<Item: Into<String>>>(mut self, words: I) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }
    /// Bytes for its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }
    /// How long it may take; 30 s unless said otherwise.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
    /// Exit codes that are an answer and not a failure; only 0 unless said otherwise.
    pub fn accept(mut self, codes: &'static [i32]) -> Self {
        self.accept = codes;
        self
    }
    /// Runs it to its end.
    pub fn run(&self) -> Result<Output, HostError> {
        let _ = (&self.stdin, self.limit, self.accept, self.program);
        unimplemented!()
    }
}

/// How many programs this process has started: a second apply may start two.
pub fn started() -> usize {
    unimplemented!()
}
