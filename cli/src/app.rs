//! From the command line to an exit code.

use std::process::ExitCode;

use caphub_node::texts::spoken;
use clap::{CommandFactory, FromArgMatches};

use crate::arguments::{Arguments, Command};
use crate::commands::{self, Context};
use crate::failure::{Failure, Outcome};
use crate::home::Home;
use crate::texts::{self, Texts};
use caphub_node::link::Proxies;
use caphub_proto::exchange::RecordKind;

/// Parses the process's arguments and runs.
pub fn main() -> ExitCode {
    let texts = texts::from_environment();
    let parsed =
        described(&texts).try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return spoken::wrong_use(&error, &texts),
    };
    if let Command::Node { rest } = arguments.command {
        let words = std::iter::once("caphub-node".to_owned()).chain(rest);
        return caphub_node::server::run(words);
    }
    if matches!(arguments.command, Command::Sync(_)) {
        caphub_node::arenas::few();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{}", texts.complaint(&texts.said(&error.to_string()), ""));
            return ExitCode::FAILURE;
        }
    };
    let json = arguments.json;
    let proxies = Proxies::resolve(arguments.proxy.as_deref().unwrap_or_default(), |n| std::env::var(n).ok());
    let proxies = match proxies {
        Ok(proxies) => proxies,
        Err(error) => {
            let failure = Failure::usage("error-proxy").because(error).hint("hint-proxy");
            eprintln!("{}", failure.lines(&texts));
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
            eprintln!("{}", failure.lines(&context.texts));
            if json && failure.is_unanswered() {
                crate::screen::json(&failure.json(&context.texts));
            }
            ExitCode::from(failure.code())
        }
    }
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
            let mut command = described(&context.texts);
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
    for command in [described(&context.texts), caphub_node::server::command(&context.texts)] {
        clap_mangen::generate_to(command, folder).map_err(failed)?;
    }
    Ok(())
}

/// The command line with its help in one language.
pub fn described(texts: &Texts) -> clap::Command {
    spoken::described(Arguments::command(), "", texts).after_help(texts.t("help-exit-codes"))
}

#[cfg(test)]
mod tests;
