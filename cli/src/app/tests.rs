//! The command line in both languages: every word explained, help and wrong use in the reader's language and within 80 columns.

use super::*;
use caphub_node::texts::columns::width;

fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>, texts: &Texts) {
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        let below =
            if path.is_empty() { sub.get_name().to_owned() } else { format!("{path}-{}", sub.get_name()) };
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
    walk(&Arguments::command(), "", &mut missing, &texts::of("en"));
    missing.sort();
    missing.dedup();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

fn said(words: &[&str]) -> String {
    let texts = texts::of("fr");
    let error = described(&texts).try_get_matches_from(words).expect_err("wrong use");
    let (error, hint) = spoken::refused(&error, &texts).expect("words of our own");
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

/// Every command with its help as it is printed.
fn helps(texts: &Texts) -> Vec<String> {
    let mut whole = described(texts);
    whole.build();
    let (mut waiting, mut helps) = (vec![whole], Vec::new());
    while let Some(mut command) = waiting.pop() {
        waiting.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
        helps.push(command.render_help().to_string());
        helps.push(command.render_long_help().to_string());
    }
    helps
}

#[test]
fn no_help_text_holds_words_of_another_language() {
    let words = ["Usage:", "Commands:", "Print help", "Print version", "[default", "[possible", "[env:"];
    for help in helps(&texts::of("fr")) {
        let found = words.into_iter().find(|english| help.contains(english));
        assert_eq!(found, None, "{help}");
    }
}

#[test]
fn every_help_text_fits_eighty_columns() {
    for language in ["en", "fr"] {
        let helps = helps(&texts::of(language));
        assert!(helps.len() > 200, "{}", helps.len());
        for help in helps {
            assert_eq!(help.lines().find(|l| width(l) > 80), None, "{help}");
        }
    }
}

/// Command lines that a help text shows.
fn examples(help: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (at, _) in help.match_indices("caphub ") {
        // Words of a sentence, and a path such as folder/caphub, are no command lines.
        if !help[..at].ends_with(": ") && !help[..at].ends_with(", then ") && !help[..at].ends_with(", puis ")
        {
            continue;
        }
        let rest = &help[at..];
        let ends =
            ["; ", " ; ", ". ", " > ", ", or ", ", ou ", ", then ", ", puis ", "\n", " after ", " après "];
        let end = ends.iter().filter_map(|e| rest.find(e)).min().unwrap_or(rest.len());
        let mut words: Vec<String> = Vec::new();
        for (i, part) in rest[..end].split('"').enumerate() {
            match (i % 2, words.last_mut()) {
                (1, Some(last)) if last.ends_with('=') || last.ends_with(',') => last.push_str(part),
                (1, _) => words.push(part.to_owned()),
                _ => words.extend(part.split_whitespace().map(str::to_owned)),
            }
        }
        all.push(words);
    }
    all
}

#[test]
fn every_example_of_a_help_text_is_taken_by_the_command_line() {
    let mut found = 0;
    for language in ["en", "fr"] {
        let texts = texts::of(language);
        let mut waiting = vec![described(&texts)];
        while let Some(command) = waiting.pop() {
            waiting.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
            let shown = examples(&command.get_about().map(ToString::to_string).unwrap_or_default());
            let name = command.get_name().to_owned();
            assert!(command.has_subcommands() || !shown.is_empty(), "{language}: {name} shows no example");
            for words in shown {
                found += 1;
                let taken = described(&texts).try_get_matches_from(&words);
                assert!(taken.is_ok(), "{language}: {words:?}: {:?}", taken.err().map(|e| e.to_string()));
            }
        }
    }
    assert!(found > 280, "{found} examples");
}
