//! The command line: the portal is configured by its environment, so there is little to say here.

/// What `--help` prints.
pub const HELP: &str = "\
webapp - the portal of the Data Broker Appliance

usage: webapp [--check | --self-check | --help | --version]

  (nothing)      run the portal
  --check        read the settings, name every one that is wrong, and exit (0, or 2)
  --self-check   prove that this program runs on this machine, and exit
  --help, --version

settings come from the environment:
  SERVER_HOSTNAME     name in the browser's address bar (required)
  HEALTH_SERVICES     services and sockets that /health watches (required, may be empty)
  HEALTH_TIMERS       timers, as NAME=INTERVAL or NAME=INTERVAL/OLDEST (required, may be empty)
  HEALTH_DISABLED     those of them whose credentials are absent
  HEALTH_LOAD         machine, or shared-kernel where the load is that of others too
  WEBAPP_SOCKET       default /run/webapp/webapp.sock
  LOG_LEVEL           error, warning, info (default) or debug
  WEBAPP_SECRET_KEY   from $CREDENTIALS_DIRECTORY, else the environment; without it nobody can sign in
";

/// What the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Be the portal.
    Run,
    /// Read the settings only.
    Check,
    /// Prove that the program works here.
    SelfCheck,
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// Reads the words after the program's name; the word that is not known, if there is one.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut words = words.into_iter();
    let command = match words.next().as_deref() {
        None => Command::Run,
        Some("--check") => Command::Check,
        Some("--self-check") => Command::SelfCheck,
        Some("--help" | "-h") => Command::Help,
        Some("--version" | "-V") => Command::Version,
        Some(unknown) => return Err(unknown.to_owned()),
    };
    words.next().map_or(Ok(command), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_enough_and_two_are_too_many() {
        let parse = |words: &[&str]| parse(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(parse(&[]), Ok(Command::Run));
        assert_eq!(parse(&["--check"]), Ok(Command::Check));
        assert_eq!(parse(&["--chekc"]), Err("--chekc".into()));
        assert_eq!(parse(&["--check", "--version"]), Err("--version".into()));
    }
}
