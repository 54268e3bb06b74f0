//! The server's command line: `init`, `run`, `check`, and what keeps a store whole. `caphub-node` is this and nothing else.

mod check;
mod making;
mod told;
mod upkeep;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use crate::core::OpenError;
use crate::node::{self, StartError};
use crate::store::StoreError;
use crate::texts::{Texts, spoken};

use making::Wanted;
use told::Told;
use words::{Arguments, Command};

/// The hub's folder: given, or the one of this user.
pub fn hub_directory(given: Option<PathBuf>) -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let data =
        || std::env::var_os("XDG_DATA_HOME").map_or_else(|| home().join(".local/share"), PathBuf::from);
    given.unwrap_or_else(|| data().join("caphub").join("hub"))
}

/// The command line with its help in one language.
pub fn command(texts: &Texts) -> clap::Command {
    spoken::described(Arguments::command(), "node", texts).after_help(texts.t("help-node-exit-codes"))
}

/// Parses the process's arguments and runs.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs with these words, the program's name first.
pub fn run(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let told = Told::new();
    let parsed = command(&told.texts).try_get_matches_from(words);
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return spoken::wrong_use(&error, &told.texts),
    };
    if matches!(arguments.command, Command::Run { .. }) {
        crate::arenas::few();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told.fail(&error, "node-hint-threads"),
    };
    let directory = hub_directory(arguments.dir);
    match arguments.command {
        Command::Init { name, region, country, language, from_member } => {
            let wanted = Wanted { regions: region, country, languages: language };
            let made = match from_member {
                None => runtime.block_on(making::init(&told, &directory, name.unwrap_or_default(), wanted)),
                Some(folder) => runtime.block_on(making::adopt(&told, &directory, &folder, name, wanted)),
            };
            made.unwrap_or_else(|code| code)
        }
        Command::Run { listen } => runtime.block_on(serve(&told, directory, listen)),
        Command::Check => check::check(&told, &directory),
        Command::Verify { offline } => {
            runtime.block_on(upkeep::run_verify(&told, &directory, &proxy(&directory), offline))
        }
        Command::Repair => runtime.block_on(upkeep::run_repair(&told, &directory, &proxy(&directory))),
        Command::Rebuild => runtime.block_on(upkeep::run_rebuild(&told, &directory)),
        Command::Backup { to } => upkeep::run_backup(&told, &directory, &to),
        Command::Restore { from, sign_at_once } => {
            upkeep::run_restore(&told, &directory, &from, sign_at_once)
        }
    }
}

async fn serve(told: &Told, directory: PathBuf, listen: Option<String>) -> ExitCode {
    let mut config = match load(&directory) {
        Ok(config) => config,
        Err(error) => return told.fail(&error, "node-hint-config"),
    };
    if let Some(listen) = listen {
        config.listen = listen;
    }
    log(&config);
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    match node::run(&directory, config, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told.fail(&error, hint(&error)),
    }
}

fn hint(error: &StartError) -> &'static str {
    match error {
        StartError::Listen { .. } => "node-hint-listen",
        StartError::Socket { .. } => "node-hint-socket",
        StartError::Open(OpenError::Store(StoreError::Register { .. })) => "node-hint-repair-first",
        StartError::Open(OpenError::Store(StoreError::Locked { .. })) => "node-hint-runs-already",
        StartError::Open(OpenError::Store(StoreError::OtherVersion { .. })) => "node-hint-other-version",
        _ => "",
    }
}

/// The configuration of a hub's folder, with what the environment overrides.
pub fn load(directory: &Path) -> Result<Config, crate::config::ConfigError> {
    Config::load(&directory.join("caphub-node.toml"), |name| std::env::var(name).ok())
}

/// The proxy of the configuration; none where it cannot be read, which `check` tells.
fn proxy(directory: &Path) -> String {
    load(directory).map(|config| config.proxy).unwrap_or_default()
}

fn log(config: &Config) {
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for a person at a terminal; a file or a journal gets plain lines.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match config.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command and all below it, each with the keys of its texts.
    fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>, texts: &Texts) {
        let mut keys = vec![format!("help-{path}")];
        let named = command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str()));
        keys.extend(named.map(|a| format!("arg-{path}-{}", a.get_id().as_str().replace('_', "-"))));
        missing.extend(keys.into_iter().filter(|key| !texts.has(key)));
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path}-{}", sub.get_name()), missing, texts);
        }
    }

    #[test]
    fn every_command_and_argument_of_the_node_is_explained_in_both_languages() {
        for language in ["en", "fr"] {
            let mut missing = Vec::new();
            walk(&Arguments::command(), "node", &mut missing, &Texts::of(language, &[]));
            assert!(missing.is_empty(), "{missing:?}");
        }
        command(&Texts::of("fr", &[])).debug_assert();
    }

    #[test]
    fn help_of_the_node_fits_the_columns_and_is_french_in_french() {
        for language in ["en", "fr"] {
            let mut whole = command(&Texts::of(language, &[]));
            whole.build();
            let mut waiting = vec![whole];
            while let Some(mut command) = waiting.pop() {
                waiting.extend(command.get_subcommands().cloned());
                let help = command.render_long_help().to_string();
                let wide = help.lines().find(|l| crate::texts::columns::width(l) > 80);
                assert_eq!(wide, None, "{help}");
                let english = ["Usage:", "Commands:", "Print help", "[default", "[env:"];
                let found = english.into_iter().find(|word| help.contains(word));
                assert!(language == "en" || found.is_none(), "{found:?}: {help}");
            }
        }
    }
}
