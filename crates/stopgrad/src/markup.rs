//! Text that is safe inside HTML and SVG, and numbers as people write them.

/// Keeps a number and its unit on one line.
const NBSP: char = '\u{a0}';

/// The text with `& < > " '` replaced, fit for element content and for quoted attributes.
///
/// Characters that XML forbids become U+FFFD, and so do those that turn the direction of the text after them
/// (U+202A to U+202E, U+2066 to U+2069): they would make a name show as another.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            control if control.is_control() => safe.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}

/// Escaped text whose numbers keep their units on their line.
pub fn prose(text: &str) -> String {
    escape(text).replace(" %", "\u{a0}%").replace(" × ", "\u{a0}×\u{a0}")
}

/// Three significant digits; powers of ten where a plain number would be long: `0.0312`, `4.1 × 10⁻⁷`.
pub fn number(value: f64) -> String {
    significant(value, 3)
}

/// The same with a chosen number of significant digits; whole numbers below 10⁹ are written in full.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "not a number".into() } else { minus(format!("{value}").replace("inf", "∞")) };
    }
    if value == 0.0 {
        return "0".into();
    }
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return if value < 0.0 { format!("−{}", grouped(-value as u64)) } else { grouped(value as u64) };
    }
    let scientific = format!("{:.*e}", digits.saturating_sub(1), value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific.as_str(), "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        minus(format!("{value:.decimals$}"))
    } else {
        minus(format!("{mantissa}{NBSP}×{NBSP}{}", power_of_ten(exponent)))
    }
}

/// Up to five significant digits without trailing zeros, for tables of evidence: `0.001`, `3.1416`, `6 × 10⁻⁹`.
pub fn concise(value: f64) -> String {
    let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
    if rounded.fract() == 0.0 || !rounded.is_finite() {
        return significant(rounded, 5);
    }
    if (1e-4..1e6).contains(&rounded.abs()) {
        return minus(rounded.to_string());
    }
    let scientific = format!("{rounded:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific.as_str(), "0"));
    minus(format!("{mantissa}{NBSP}×{NBSP}{}", power_of_ten(exponent.parse().unwrap_or(0))))
}

/// `10⁻⁷`.
pub fn power_of_ten(exponent: i32) -> String {
    let superscript = |digit: char| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        other => other.to_digit(10).and_then(|value| char::from_u32(0x2070 + value)).unwrap_or(other),
    };
    let exponent: String = exponent.to_string().chars().map(superscript).collect();
    format!("10{exponent}")
}

/// A count with a narrow space between thousands from five digits on.
pub fn grouped(count: u64) -> String {
    let plain = count.to_string();
    if plain.len() < 5 {
        return plain;
    }
    let mut text = String::new();
    for (place, digit) in plain.chars().enumerate() {
        if place > 0 && (plain.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage with one decimal: `94.1 %`.
pub fn percent(share: f64) -> String {
    format!("{}{NBSP}%", minus(format!("{:.1}", share * 100.0)))
}

/// A difference of shares in percentage points, with its sign: `+6.2`, `−0.4`, `0.0`.
pub fn points(difference: f64) -> String {
    let text = format!("{:+.1}", difference * 100.0);
    if text == "+0.0" || text == "-0.0" { "0.0".into() } else { minus(text) }
}

/// A relative change, with its sign: `+20.8 %`, `−99.9 %`; far from 1 as `factor 37`.
pub fn change(from: f64, to: f64) -> String {
    let ratio = to / from;
    if !ratio.is_finite() {
        return "—".into();
    }
    if ratio >= 10.0 || (ratio > 0.0 && ratio < 0.001) {
        return format!("factor{NBSP}{}", significant(ratio, 2));
    }
    let text = format!("{:+.1}{NBSP}%", (ratio - 1.0) * 100.0);
    minus(text)
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A hyphen that stands for a minus becomes one.
fn minus(text: impl AsRef<str>) -> String {
    text.as_ref().replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_leaves_its_place() {
        let hostile = "<a href='x'>\u{202e}gpj.exe\u{2066}\u{0}\u{7f}\u{9b}\u{ffff}&amp;\r\n\"";
        let safe = escape(hostile);
        let turned = |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{ffff}']) && !safe.contains(turned), "{safe}");
        assert!(!safe.contains(|c: char| c.is_control() && c != '\n'));
        // What only reads from right to left stays as it is.
        assert_eq!(escape("שלום"), "שלום");
    }

    #[test]
    fn markup_characters_are_replaced() {
        assert_eq!(escape("<a b=\"c\">'&\u{1}"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\u{fffd}");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(number(0.031_24), "0.0312");
        assert_eq!(number(4.12e-7), "4.12\u{a0}×\u{a0}10⁻⁷");
        assert_eq!(number(-2.5e12), "−2.50\u{a0}×\u{a0}10¹²");
        assert_eq!(number(4000.0), "4000");
        assert_eq!(number(-12_345.0), "−12\u{202f}345");
        assert_eq!(number(f64::NAN), "not a number");
        assert_eq!(number(f64::NEG_INFINITY), "−∞");
        assert_eq!(number(123.456), "123");
    }

    #[test]
    fn evidence_is_concise() {
        assert_eq!(concise(0.001), "0.001");
        assert_eq!(concise(-std::f64::consts::PI), "−3.1416");
        assert_eq!(concise(6e-9), "6\u{a0}×\u{a0}10⁻⁹");
        assert_eq!(concise(4000.0), "4000");
        assert_eq!(concise(0.1 + 0.2), "0.3");
        assert_eq!(concise(f64::NAN), "not a number");
    }

    #[test]
    fn shares_and_changes_carry_their_signs() {
        assert_eq!(percent(0.941), "94.1\u{a0}%");
        assert_eq!(points(0.0623), "+6.2");
        assert_eq!(points(-0.004), "−0.4");
        assert_eq!(points(-0.000_01), "0.0");
        assert_eq!(change(0.03, 0.036), "+20.0\u{a0}%");
        assert_eq!(change(1.0, 37.0), "factor\u{a0}37");
        assert_eq!(change(0.0, 1.0), "—");
    }

    #[test]
    fn lists_end_with_and() {
        let items: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(listed(&items), "a, b and c");
        assert_eq!(listed(&items[..1]), "a");
    }
}
