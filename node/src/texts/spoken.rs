//! The words of the command line itself in the reader's language: headings of help texts, and what cannot be understood.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::texts::Texts;

/// The French heading of commands, and what stands for one; the library takes these from the program alone.
const COMMANDS: &str = "Commandes";
const COMMAND: &str = "COMMANDE";

/// Puts headings and what stands beside arguments into a command; in English its library has them.
pub(super) fn headed(command: Command, texts: &Texts) -> Command {
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
pub(super) fn beside(argument: Arg, texts: &Texts) -> Arg {
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
pub(super) fn refused(error: &clap::Error, texts: &Texts) -> Option<(String, String)> {
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
    let values: Vec<(&str, String)> =
        values.into_iter().map(|(n, v)| (n, crate::screen::plain(&v))).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn said(words: &[&str]) -> String {
        let texts = Texts::of("fr");
        let command = crate::app::described(crate::arguments::Arguments::command(), "", &texts);
        let error = command.try_get_matches_from(words).expect_err("wrong use");
        let (error, hint) = refused(&error, &texts).expect("words of our own");
        format!("{error}\n{hint}")
    }

    #[test]
    fn wrong_use_is_told_in_french_with_what_was_wrong() {
        let cases: [(&[&str], &str); 6] = [
            (&["caphub", "nede"], "nede"),
            (&["caphub", "need", "add", "--titel", "x"], "--titel"),
            (&["caphub", "need", "add", "--seats", "0"], "--seats"),
            (&["caphub", "need", "add", "--visible", "all"], "all"),
            (&["caphub", "need", "show"], "<ID>"),
            (&["caphub", "fellowship", "decide", "abcd", "--grant", "--refuse"], "--refuse"),
        ];
        for (words, named) in cases {
            let said = said(words);
            assert!(said.contains(named), "{said}");
            for english in ["required", "argument '", "invalid", "unexpected", "usage-"] {
                assert!(!said.contains(english), "{said}");
            }
        }
    }

    #[test]
    fn no_help_text_holds_words_of_another_language() {
        let texts = Texts::of("fr");
        let mut command = crate::app::described(crate::arguments::Arguments::command(), "", &texts);
        command.build();
        let mut waiting = vec![command];
        while let Some(mut command) = waiting.pop() {
            waiting.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
            let help = command.render_help().to_string();
            for english in
                ["Usage:", "Commands:", "Print help", "Print version", "[default", "[possible", "[env:"]
            {
                assert!(!help.contains(english), "{english}: {help}");
            }
        }
    }
}
