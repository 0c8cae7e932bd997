//! The flags of `console`, and of `migrate --console`, which is the same for scripts that know the tool that came first.

use super::session::{self, SessionFlags};
use clap::{Arg, ArgMatches, Command, value_parser};

/// The port where none is given.
const PORT: &str = "8080";

/// What `console` was asked to serve.
#[derive(Clone, Debug)]
pub struct ConsoleRequest {
    /// The installation.
    pub session_flags: SessionFlags,
    /// `--port`; 0: any that is free.
    pub port: u16,
    /// `--console`: whether the API of a migration answers without the token.
    pub is_migration_open: bool,
}

const AFTER: &str = "The page is served on 127.0.0.1 and reads only. Its URL holds a token that changes with every start.\n\n\
With --console, /api/namespaces, /api/gateways and /api/diff answer without the token, as `lbc-migrate --console` does.";

pub(super) fn command() -> Command {
    Command::new("console")
        .about("Serve a local web page: what there is and how it is, what would change, how a migration compares")
        .after_help(AFTER)
        .arg(port())
        .arg(session::deployment())
}

/// The port to listen on.
pub(super) fn port() -> Arg {
    Arg::new("port")
        .long("port")
        .value_name("PORT")
        .value_parser(value_parser!(u16))
        .default_value(PORT)
        .help("Port of the console; 0: any that is free")
}

pub(super) fn request(matches: &ArgMatches, session_flags: SessionFlags) -> ConsoleRequest {
    // why: the parser gives the default
    let port = matches.get_one::<u16>("port").copied().unwrap_or(0);
    ConsoleRequest { session_flags, port, is_migration_open: is_asked_for(matches) }
}

/// Whether `--console` is given.
pub(super) fn is_asked_for(matches: &ArgMatches) -> bool {
    matches.get_one::<bool>("console").copied() == Some(true)
}
