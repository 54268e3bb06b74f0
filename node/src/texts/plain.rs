//! Text of others without its power over a screen.

/// Text of unknown origin with control characters and direction overrides made visible.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_active(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// True for what moves, colours or hides on a screen: control characters, and marks that reorder or hide what follows,
/// by which a name could pretend to be another.
pub fn is_active(c: char) -> bool {
    let marks = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_control() || marks || matches!(c, '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
