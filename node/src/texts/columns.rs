//! Columns of a terminal of 80, for text in any script.

use super::plain;

/// Columns of a line.
pub const COLUMNS: usize = 80;

/// At most so many columns, with an ellipsis where something is cut off.
pub fn fit(text: &str, columns: usize) -> String {
    let plain = plain(text);
    if width(&plain) <= columns {
        return plain;
    }
    let (mut out, mut used) = (String::new(), 0);
    for c in plain.chars() {
        if used + columns_of(c) + 1 > columns {
            break;
        }
        used += columns_of(c);
        out.push(c);
    }
    out.push('…');
    out
}

/// Exactly so many columns.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&out))));
    out
}

/// A sentence over as many lines as it takes, those after the first behind so many spaces. A word that fits no line,
/// such as a path, stays whole: it is there to be copied.
pub fn folded(text: &str, indent: usize) -> Vec<String> {
    let lead = text.len() - text.trim_start_matches(' ').len();
    let (mut lines, mut line) = (Vec::new(), " ".repeat(lead));
    for word in text.trim_start_matches(' ').split(' ') {
        // At the beginning of a line nothing stands before a word but its indent.
        let begun = !line.trim().is_empty();
        if begun && width(&line) + 1 + width(word) > COLUMNS {
            line.truncate(line.trim_end().len());
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Each line of a text folded, what goes on below under the line's own beginning.
pub fn all_folded(text: &str) -> String {
    let fold = |line: &str| folded(line, line.len() - line.trim_start_matches(' ').len()).join("\n");
    text.lines().map(fold).collect::<Vec<_>>().join("\n")
}

/// `error: ` and what it says; what goes on below stands under what it says.
pub fn labelled(label: &str, text: &str) -> String {
    let indent = width(label) + 1;
    let lines = text.lines().enumerate().map(|(at, line)| {
        let head = if at == 0 { format!("{label} ") } else { " ".repeat(indent) };
        folded(&format!("{head}{line}"), indent).join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns of a text.
pub fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns of a character: two for the wide ones of East Asia, none for marks that stand on another.
fn columns_of(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_fits_the_columns_and_loses_no_word() {
        let said = format!("{}{}", "事件响应 ".repeat(30), "one two three ".repeat(12));
        let lines = labelled("error:", said.trim_end());
        let lines: Vec<&str> = lines.lines().collect();
        assert!(lines.len() > 3 && lines.iter().all(|l| width(l) <= COLUMNS), "{lines:?}");
        assert!(lines.iter().skip(1).all(|l| l.starts_with("       ") && !l.starts_with("        ")));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(&format!("error: {said}")));
        assert_eq!(labelled("error:", "short"), "error: short");
        assert_eq!(all_folded("  a\n\nb  c"), "  a\n\nb  c");
        assert_eq!(
            folded(&format!("    {}", "one ".repeat(30).trim_end()), 6)[1],
            "      one one one one one one one one one one one"
        );
    }

    #[test]
    fn columns_hold_what_they_say_in_any_script() {
        for text in [
            "Train three analysts for the CSIRT",
            "事件响应培训课程与支持",
            "تدريب المحللين على الاستجابة",
            "",
        ] {
            for columns in [1, 5, 12, 60] {
                assert_eq!(width(&pad(text, columns)), columns, "{text}");
            }
        }
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
    }
}
