//! What a command says to the person at the terminal.

use std::fmt;
use std::io::{self, Write};

/// Writes a line to stderr, where everything goes that is not data.
pub(crate) fn notice(text: fmt::Arguments<'_>) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "tidings: {}", shown(&text.to_string()));
}

/// The text, with what would command the terminal made visible: some of it comes from servers.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_told_commands_the_terminal() {
        assert_eq!(shown("\u{1b}[31mred\u{9b}m\r"), r"\u{1b}[31mred\u{9b}m\r");
    }

    #[test]
    fn text_of_several_lines_and_any_language_is_told_as_it_is() {
        let text = "übel\n\t^ 悪い";
        assert_eq!(shown(text), text);
    }
}
