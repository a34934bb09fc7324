//! Perl's numbers: 64-bit integers where exact, else doubles with 15 significant digits.

use std::cmp::Ordering;

/// The largest integer up to which a double is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// A whole number between -2^63 and 2^64-1.
    Integer(i128),
    Float(f64),
}

impl Number {
    pub(crate) const ZERO: Self = Self::Integer(0);
    pub(crate) const ONE: Self = Self::Integer(1);

    fn of_wide(value: i128) -> Option<Self> {
        (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(Self::Integer(value))
    }

    /// Reads the number a text starts with: digits, fraction, exponent. Nothing there counts as 0.
    ///
    /// Only digits, perhaps with white space behind them, are read exactly; everything else goes through a double.
    pub(crate) fn leading(text: &[u8]) -> Self {
        let text = crate::text::trim_start(text);
        let prefix = numeric_prefix(text);
        let rest = text.get(prefix.len()..).unwrap_or_default();
        let unsigned = prefix.strip_prefix(b"-").or_else(|| prefix.strip_prefix(b"+")).unwrap_or(prefix);
        if unsigned.iter().all(u8::is_ascii_digit) && rest.iter().all(|byte| crate::text::is_space(*byte)) {
            return Self::of_digits(unsigned, prefix.first() == Some(&b'-'));
        }
        Self::Float(parse_float(prefix))
    }

    fn of_digits(digits: &[u8], negative: bool) -> Self {
        let significant = digits.iter().position(|byte| *byte != b'0').and_then(|start| digits.get(start..));
        let Some(significant) = significant else { return Self::ZERO };
        if significant.len() <= 20 {
            let magnitude = significant.iter().fold(0_i128, |sum, byte| sum * 10 + i128::from(*byte - b'0'));
            if let Some(number) = Self::of_wide(if negative { -magnitude } else { magnitude }) {
                return number;
            }
        }
        let magnitude = parse_float(significant);
        Self::Float(if negative { -magnitude } else { magnitude })
    }

    pub(crate) fn to_float(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "that is what Perl does with large integers")]
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The whole part; out of range values stop at the ends of the range.
    pub(crate) fn to_integer(self) -> i64 {
        match self {
            Self::Integer(value) => i64::try_from(value).unwrap_or(i64::MAX),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, as wanted")]
            Self::Float(value) => value as i64,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        match self {
            Self::Integer(value) => value == 0,
            Self::Float(value) => value == 0.0,
        }
    }

    /// A double of integral value is an integer again where that is exact.
    fn settled(self) -> Self {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            Self::Float(value) if value.abs() <= EXACT && value.fract() == 0.0 => Self::Integer(value as i128),
            other => other,
        }
    }

    pub(crate) fn add(self, other: Self) -> Self {
        self.exact(other, i128::checked_add).unwrap_or_else(|| Self::Float(self.to_float() + other.to_float()))
    }

    pub(crate) fn subtract(self, other: Self) -> Self {
        self.exact(other, i128::checked_sub).unwrap_or_else(|| Self::Float(self.to_float() - other.to_float()))
    }

    pub(crate) fn multiply(self, other: Self) -> Self {
        self.exact(other, i128::checked_mul).unwrap_or_else(|| Self::Float(self.to_float() * other.to_float()))
    }

    /// Divides; the divisor must not be zero.
    pub(crate) fn divide(self, other: Self) -> Self {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other) {
            let exact = left.checked_rem(right) == Some(0);
            if exact && left.unsigned_abs() > 1 << 53 {
                return Self::Integer(left / right);
            }
        }
        let quotient = self.to_float() / other.to_float();
        if quotient == 0.0 { Self::ZERO } else { Self::Float(quotient) }
    }

    pub(crate) fn negate(self) -> Self {
        Self::ZERO.subtract(self)
    }

    fn exact(self, other: Self, operation: fn(i128, i128) -> Option<i128>) -> Option<Self> {
        match (self.settled(), other.settled()) {
            (Self::Integer(left), Self::Integer(right)) => operation(left, right).and_then(Self::of_wide),
            _ => None,
        }
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left.cmp(&right),
            _ => self.to_float().partial_cmp(&other.to_float()).unwrap_or(Ordering::Equal),
        }
    }

    /// The text of the number, as Perl prints it.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => float_text(value),
        }
    }
}

/// The longest start of a text that is a decimal number.
fn numeric_prefix(text: &[u8]) -> &[u8] {
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return &[];
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + exponent_sign);
        if exponent > 0 {
            end += 1 + exponent_sign + exponent;
        }
    }
    text.get(..end).unwrap_or_default()
}

fn parse_float(text: &[u8]) -> f64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// C's `%.15g`.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{value:.14e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..15).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(14 - exponent).unwrap_or(0);
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_like_perls() {
        for (value, text) in [
            (1.0 / 3.0, "0.333333333333333"),
            (1e15, "1e+15"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e-6, "1e-06"),
            (0.125, "0.125"),
            (-3.5, "-3.5"),
            (1.84467440737096e19, "1.84467440737096e+19"),
        ] {
            assert_eq!(Number::Float(value).to_text(), text);
        }
    }

    #[test]
    fn the_leading_number_of_a_text_counts() {
        for (text, expected) in
            [("05e2", "500"), ("00x1F", "0"), ("07abc", "7"), ("011.5", "11.5"), ("", "0"), ("0 8", "0"), ("5 ", "5")]
        {
            assert_eq!(Number::leading(text.as_bytes()).to_text(), expected, "{text}");
        }
    }
}
