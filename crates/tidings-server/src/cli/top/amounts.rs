//! Figures in few characters.

/// A number with a letter for its thousands.
pub(super) fn count(value: f64) -> String {
    scaled(value, 1000.0, &["", "k", "M", "G", "T"], "")
}

/// A number of bytes.
pub(super) fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"], " ")
}

/// Milliseconds.
pub(super) fn millis(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.1} ms")
    } else {
        format!("{value:.0} ms")
    }
}

/// A time in its two largest units.
pub(super) fn time(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    if days > 0 {
        format!("{days}d {hours}h")
    } else if hours > 0 {
        format!("{hours}h {minutes}m")
    } else if minutes > 0 {
        format!("{minutes}m {rest}s")
    } else {
        format!("{rest}s")
    }
}

fn scaled(value: f64, step: f64, units: &[&str], space: &str) -> String {
    let mut value = value.max(0.0);
    let mut units = units.iter();
    let mut unit = *units.next().unwrap_or(&"");
    for next in units {
        // What would be rounded to the step is written in the next unit.
        if value < step - 0.5 {
            break;
        }
        value /= step;
        unit = next;
    }
    let whole = value.fract() == 0.0 || value >= 99.95;
    let number = if whole {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    };
    format!("{number}{space}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stays_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (999.0, "999"),
            (999.7, "1.0k"),
            (1_000.0, "1k"),
            (12_345.0, "12.3k"),
            (123_456.0, "123k"),
            (5_000_000.0, "5M"),
        ] {
            assert_eq!(count(value), expected);
        }
    }

    #[test]
    fn bytes_and_times_have_their_units() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(64.0 * 1024.0 * 1024.0), "64 MiB");
        assert_eq!(millis(0.25), "0.2 ms");
        assert_eq!(millis(250.0), "250 ms");
        for (seconds, expected) in [
            (59, "59s"),
            (61, "1m 1s"),
            (7_260, "2h 1m"),
            (180_000, "2d 2h"),
        ] {
            assert_eq!(time(seconds), expected);
        }
    }
}
