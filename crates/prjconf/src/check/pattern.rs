//! Whether a text can be a Perl regular expression.

/// What is wrong with a pattern, if anything is.
///
/// Finds what no regular expression may have: unbalanced groups and classes, a repetition of nothing, a lone backslash at
/// the end. It does not know every construct, so silence is no proof.
pub(crate) fn problem(pattern: &str) -> Option<&'static str> {
    let mut groups = 0_usize;
    let mut can_repeat = false;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                if characters.next().is_none() {
                    return Some("it ends in a lone backslash");
                }
                can_repeat = true;
            }
            '[' => {
                if !skip_class(&mut characters) {
                    return Some("a `[` is not closed");
                }
                can_repeat = true;
            }
            '(' => {
                groups += 1;
                can_repeat = false;
                if characters.next_if_eq(&'?').is_some() {
                    while characters.next_if(|next| matches!(next, ':' | '=' | '!' | '<' | 'i' | '>')).is_some() {}
                }
            }
            ')' if groups == 0 => return Some("a `)` is not opened"),
            ')' => {
                groups -= 1;
                can_repeat = true;
            }
            '*' | '+' | '?' => {
                if !can_repeat {
                    return Some("a repetition follows nothing");
                }
                characters.next_if(|next| matches!(next, '?' | '+'));
                can_repeat = false;
            }
            '|' | '^' => can_repeat = false,
            _ => can_repeat = true,
        }
    }
    (groups > 0).then_some("a `(` is not closed")
}

/// Steps over a character class; false if it does not end.
fn skip_class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    characters.next_if_eq(&'^');
    characters.next_if_eq(&']');
    while let Some(character) = characters.next() {
        match character {
            ']' => return true,
            '\\' => {
                characters.next();
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_shipped_configurations_are_fine() {
        for pattern in
            ["\\.x86_64\\.rpm$", "-debuginfo-.*\\.rpm$", "^(?:glibc|lib[^]x]*)-32bit", "a+?b*+c{2}", "(?i)x", "^*"]
        {
            let expected = (pattern == "^*").then_some("a repetition follows nothing");
            assert_eq!(problem(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn what_can_not_be_a_pattern_is_told() {
        for pattern in ["(a", "a)", "[a", "*.rpm", "a\\", "(?:*)"] {
            assert!(problem(pattern).is_some(), "{pattern}");
        }
    }
}
