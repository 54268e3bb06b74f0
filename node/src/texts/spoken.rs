//! The words of the command line itself in the reader's language: headings of help texts, and what cannot be understood.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::{Texts, columns, plain};

/// With fewer arguments that have to be given, a usage line fits.
const REQUIRED_FEW: usize = 3;

/// The French heading of commands, and what stands for one; the library takes these from the program alone.
const COMMANDS: &str = "Commandes";
const COMMAND: &str = "COMMANDE";

/// Puts the help texts of one language into a command and all below it: `help-PATH`, and `arg-PATH-NAME` or `arg-NAME`.
pub fn described(command: Command, path: &str, texts: &Texts) -> Command {
    let whole = command.get_name().to_owned();
    described_as(command, path, &whole, texts)
}

/// The same for what is typed as `whole`.
fn described_as(mut command: Command, path: &str, whole: &str, texts: &Texts) -> Command {
    let key = if path.is_empty() { "help-caphub".to_owned() } else { format!("help-{path}") };
    if texts.has(&key) {
        command = command.about(texts.t(&key));
    }
    command = command.max_term_width(columns::COLUMNS).mut_args(|argument| {
        let name = argument.get_id().as_str().replace('_', "-");
        // An empty default says nothing.
        let values = argument.get_default_values();
        let empty = !values.is_empty() && values.iter().all(|value| value.is_empty());
        let argument = if empty { argument.hide_default_value(true) } else { argument };
        // The same word may mean something else in one command.
        let keys = [format!("arg-{path}-{name}"), format!("arg-{name}")];
        let argument = match keys.iter().find(|key| texts.has(key)) {
            Some(key) => argument.help(texts.t(key)),
            None => argument,
        };
        beside(argument, texts)
    });
    command = headed(command, texts);
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path}-{name}") };
        let typed = format!("{whole} {name}");
        command = command.mut_subcommand(&name, |c| described_as(c, &below, &typed, texts));
    }
    within_columns(command, whole, texts)
}

/// Folds a usage line that is wider than a terminal, which the library does not.
fn within_columns(command: Command, whole: &str, texts: &Texts) -> Command {
    // Only those that have to be given stand in it one by one; to render each command takes a start too long.
    let required = command.get_arguments().filter(|a| a.is_required_set()).count();
    if required < REQUIRED_FEW {
        return command;
    }
    let usage = command.clone().bin_name(whole).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let heading = texts.t("usage-heading");
    if columns::width(&heading) + 1 + columns::width(&usage) <= columns::COLUMNS {
        return command;
    }
    let lines = columns::labelled(&heading, &usage);
    command.override_usage(lines.trim_start_matches(&heading).trim_start().to_owned())
}

/// Tells what could not be understood, in the reader's language, and ends with the code of wrong use; help and versions
/// are printed.
pub fn wrong_use(error: &clap::Error, texts: &Texts) -> std::process::ExitCode {
    let Some((said, hint)) = refused(error, texts) else { error.exit() };
    eprintln!("{}", texts.complaint(&said, &hint));
    std::process::ExitCode::from(2)
}

/// Puts headings and what stands beside arguments into a command; in English its library has them.
fn headed(command: Command, texts: &Texts) -> Command {
    if texts.language() == "en" || command.is_hide_set() {
        return command;
    }
    let mut command = command
        .help_template(format!(
            "{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
            texts.t("usage-heading")
        ))
        .subcommand_help_heading(COMMANDS)
        .subcommand_value_name(COMMAND)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help(texts.t("usage-help")));
    if command.get_version().is_some() {
        command = command.disable_version_flag(true).arg(
            Arg::new("version-of-program")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help(texts.t("usage-version")),
        );
    }
    command
}

/// The help text of an argument, with what its library would say in English: defaults, values, variables.
fn beside(argument: Arg, texts: &Texts) -> Arg {
    if texts.language() == "en" || !argument.get_action().takes_values() {
        return argument;
    }
    let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let quiet = |text: String| if text.contains(' ') { format!("\"{text}\"") } else { text };
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|v| quiet(v.to_string_lossy().into_owned())).collect();
    if !argument.is_hide_default_value_set() && !defaults.is_empty() {
        help.push_str(&format!(" [{} {}]", texts.t("usage-default"), defaults.join(", ")));
    }
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
    if !values.is_empty() {
        help.push_str(&format!(" [{} {}]", texts.t("usage-values"), values.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        help.push_str(&format!(" [env : {}]", variable.to_string_lossy()));
    }
    argument.hide_default_value(true).hide_possible_values(true).hide_env(true).help(help)
}

/// What was wrong with the words typed, and what to do; `None` where the library's own words serve: help, version,
/// English.
pub fn refused(error: &clap::Error, texts: &Texts) -> Option<(String, String)> {
    if texts.language() == "en" {
        return None;
    }
    let key = match error.kind() {
        ErrorKind::InvalidSubcommand => "usage-error-subcommand",
        ErrorKind::UnknownArgument => "usage-error-argument",
        ErrorKind::InvalidValue if of(error, ContextKind::InvalidValue).is_empty() => "usage-error-no-value",
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => "usage-error-value",
        ErrorKind::MissingRequiredArgument => "usage-error-missing",
        ErrorKind::MissingSubcommand => "usage-error-no-command",
        ErrorKind::ArgumentConflict => "usage-error-conflict",
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        _ => "usage-error-other",
    };
    let argument = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg]
        .into_iter()
        .map(|kind| of(error, kind))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    let values = [
        ("argument", argument),
        ("value", of(error, ContextKind::InvalidValue)),
        ("other", of(error, ContextKind::PriorArg)),
    ];
    let values: Vec<(&str, String)> = values.into_iter().map(|(n, v)| (n, plain(&v))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let known = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
        ContextKind::ValidValue,
    ];
    let known = known.into_iter().map(|kind| of(error, kind)).find(|text| !text.is_empty());
    let hint = match known {
        Some(known) => texts.tf("usage-hint-known", &[("known", &known)]),
        None => texts.t("usage-hint-help"),
    };
    Some((texts.tf(key, &values), hint))
}

fn of(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}
