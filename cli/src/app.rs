//! From the command line to an exit code.

mod spoken;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::arguments::{Arguments, Command};
use crate::commands::{self, Context};
use crate::failure::{Failure, Outcome};
use crate::home::Home;
use crate::texts::Texts;
use caphub_node::link::Proxies;
use caphub_proto::exchange::RecordKind;

/// Widest line of a help text.
const COLUMNS: usize = 80;

/// Parses the process's arguments and runs.
pub fn main() -> ExitCode {
    let texts = Texts::from_environment(|name| std::env::var(name).ok());
    let command = described(Arguments::command(), "", &texts).max_term_width(COLUMNS);
    let parsed = command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return wrong_use(&error, &texts),
    };
    if let Command::Node { rest } = arguments.command {
        let words = std::iter::once("caphub-node".to_owned()).chain(rest);
        return caphub_node::server::run(caphub_node::server::Arguments::parse_from(words));
    }
    if matches!(arguments.command, Command::Sync(_)) {
        caphub_node::arenas::few();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let json = arguments.json;
    let proxies = Proxies::resolve(arguments.proxy.as_deref().unwrap_or_default(), |n| std::env::var(n).ok());
    let proxies = match proxies {
        Ok(proxies) => proxies,
        Err(error) => {
            let failure = Failure::usage("error-proxy").because(error).hint("hint-proxy");
            eprintln!("{}", crate::failure::folded(&failure.lines(&texts)));
            return ExitCode::from(failure.code());
        }
    };
    let context = Context {
        proxies,
        home: Home::new(arguments.home),
        hub_given: arguments.hub_dir.is_some(),
        hub_dir: caphub_node::server::hub_directory(arguments.hub_dir),
        texts,
        json,
    };
    let outcome = runtime.block_on(dispatch(&context, arguments.command));
    // A blocking read of a terminal must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", crate::failure::folded(&failure.lines(&context.texts)));
            if json && failure.is_unanswered() {
                crate::screen::json(&failure.json(&context.texts));
            }
            ExitCode::from(failure.code())
        }
    }
}

/// Words that could not be understood, or a request for help.
fn wrong_use(error: &clap::Error, texts: &Texts) -> ExitCode {
    let Some((said, hint)) = spoken::refused(error, texts) else { error.exit() };
    eprintln!("{}", crate::failure::folded(&format!("error: {said}\nhint: {hint}")));
    ExitCode::from(2)
}

async fn dispatch(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Join(join) => commands::join::run(context, join).await,
        Command::Leave { hub } => commands::hubs::leave(context, &hub),
        Command::Sync(sync) => commands::sync::run(context, sync).await,
        Command::Status => commands::status::run(context),
        Command::Offers(words) => commands::offers::run(context, &words),
        Command::Match(words) => commands::matches::run(context, &words),
        Command::Allocate(words) => commands::allocate::run(context, &words),
        Command::Coverage(words) => commands::covered::coverage(context, &words),
        Command::Distribution => commands::covered::distribution(context),
        Command::Report(words) => commands::report::run(context, &words),
        Command::Need(command) => commands::records::run(context, RecordKind::Need, command).await,
        Command::Offer(command) => commands::records::run(context, RecordKind::Offer, command).await,
        Command::Course(command) => commands::records::run(context, RecordKind::Course, command).await,
        Command::Session(command) => commands::records::run(context, RecordKind::Session, command).await,
        Command::Technique(command) => commands::technique::run(context, command).await,
        Command::Barrier(command) => commands::barrier::run(context, command).await,
        Command::Vocabulary(command) => commands::vocabulary::run(context, command).await,
        Command::Thread(command) => commands::threads::run(context, command).await,
        Command::Sealed(command) => commands::threads::sealed(context, &command),
        Command::Erasures => commands::erasures::run(context),
        Command::RuleSet(command) => commands::records::run(context, RecordKind::RuleSet, command).await,
        Command::Artifact(command) => commands::artifact::run(context, command).await,
        Command::Engage(command) => commands::engage::run(context, command).await,
        Command::Call(command) => commands::fellowship::call(context, command).await,
        Command::Fellowship(command) => commands::fellowship::run(context, command).await,
        Command::Fund(command) => commands::fund::run(context, command).await,
        Command::Search(search) => commands::search::run(context, &search),
        Command::Import(import) => commands::import::run(context, import).await,
        Command::Export(export) => commands::export::run(context, &export),
        Command::Org(org) => commands::org::run(context, org).await,
        Command::Key(command) => commands::key::run(context, command).await,
        Command::Hub(command) => commands::hub::run(context, command).await,
        Command::Carry(command) => commands::carry::run(context, command).await,
        Command::Demo(demo) => commands::demo::run(context, demo).await,
        Command::Reply(reply) => commands::refused::reply(context, reply).await,
        Command::Audit(audit) => commands::audit::run(context, audit).await,
        Command::Verify => commands::verify::run(context),
        Command::Completions { shell } => {
            let mut command = described(Arguments::command(), "", &context.texts);
            clap_complete::generate(shell, &mut command, "caphub", &mut std::io::stdout());
            Ok(())
        }
        Command::Manual { folder } => manual(context, &folder),
        Command::Node { .. } => Ok(()),
    }
}

/// Writes manual pages of both programs, one a command, in the language of the texts.
fn manual(context: &Context, folder: &std::path::Path) -> Outcome {
    let failed =
        |error: std::io::Error| Failure::new("error-file").with("path", folder.display()).because(error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let commands =
        [described(Arguments::command(), "", &context.texts), caphub_node::server::Arguments::command()];
    for command in commands {
        clap_mangen::generate_to(command, folder).map_err(failed)?;
    }
    Ok(())
}

/// Puts the help texts of one language into a command and all below it.
pub fn described(mut command: clap::Command, path: &str, texts: &Texts) -> clap::Command {
    let key = if path.is_empty() { "help-caphub".to_owned() } else { format!("help-{path}") };
    if texts.has(&key) {
        command = command.about(texts.t(&key));
    }
    if path.is_empty() {
        command = command.after_help(texts.t("help-exit-codes"));
    }
    command = command.mut_args(|argument| {
        let name = argument.get_id().as_str().replace('_', "-");
        // The same word may mean something else in one command.
        // An empty default says nothing.
        let values = argument.get_default_values();
        let empty = !values.is_empty() && values.iter().all(|value| value.is_empty());
        let argument = if empty { argument.hide_default_value(true) } else { argument };
        let keys = [format!("arg-{path}-{name}"), format!("arg-{name}")];
        let argument = match keys.iter().find(|key| texts.has(key)) {
            Some(key) => argument.help(texts.t(key)),
            None => argument,
        };
        spoken::beside(argument, texts)
    });
    command = spoken::headed(command, texts);
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path}-{name}") };
        command = command.mut_subcommand(&name, |c| described(c, &below, texts));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>, texts: &Texts) {
        for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
            let below = if path.is_empty() {
                sub.get_name().to_owned()
            } else {
                format!("{path}-{}", sub.get_name())
            };
            if !texts.has(&format!("help-{below}")) {
                missing.push(format!("help-{below}"));
            }
            for argument in sub.get_arguments() {
                let key = format!("arg-{}", argument.get_id().as_str().replace('_', "-"));
                if !texts.has(&key) {
                    missing.push(key);
                }
            }
            walk(sub, &below, missing, texts);
        }
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        let mut missing = Vec::new();
        walk(&Arguments::command(), "", &mut missing, &Texts::of("en"));
        missing.sort();
        missing.dedup();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
