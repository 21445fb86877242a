//! The limits of the checks.

use super::finding::Verdict;
use bytesize::ByteSize;
use humantime::parse_duration;

/// The value from which a check warns or fails.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// `CHECK.LIMIT`, as `--threshold` takes it.
    pub name: &'static str,
    /// What reaching it means; [`Verdict::Pass`] for the least value that is considered at all.
    pub verdict: Verdict,
    /// The value, in the unit.
    pub value: f64,
    /// The unit.
    pub unit: Unit,
    /// Where the value comes from.
    pub reason: &'static str,
}

/// The unit of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
    /// A fraction.
    Ratio,
    /// Seconds.
    Seconds,
}

/// An hour and a day, in seconds.
pub(crate) const HOUR: f64 = 3_600.0;
pub(crate) const DAY: f64 = 24.0 * HOUR;

/// A mebibyte.
pub(crate) const MIB: f64 = 1_048_576.0;

impl Threshold {
    /// Begins a check's warning.
    pub(crate) const fn warn(name: &'static str, value: f64, unit: Unit, reason: &'static str) -> Self {
        Self { name, verdict: Verdict::Warn, value, unit, reason }
    }

    /// Begins a check's failure.
    pub(crate) const fn fail(name: &'static str, value: f64, unit: Unit, reason: &'static str) -> Self {
        Self { name, verdict: Verdict::Fail, value, unit, reason }
    }

    /// The least value that is considered.
    pub(crate) const fn least(name: &'static str, value: f64, unit: Unit, reason: &'static str) -> Self {
        Self { name, verdict: Verdict::Pass, value, unit, reason }
    }

    /// A value of this threshold's unit as text.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        self.unit.show(value)
    }
}

impl Unit {
    /// A value as text.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "text for people")]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Bytes => ByteSize(value as u64).display().iec().to_string(),
            Self::Count => format!("{value:.0}"),
            Self::Ratio => format!("{:.0} %", value * 100.0),
            Self::Seconds => match value {
                ..1.0 => format!("{:.0}ms", value * 1_000.0),
                1.0..10.0 => format!("{value:.1}s"),
                10.0..120.0 => format!("{:.0}s", value.floor()),
                120.0..7_200.0 => format!("{:.0}min", (value / 60.0).floor()),
                7_200.0..172_800.0 => format!("{:.0}h", (value / HOUR).floor()),
                _ => format!("{:.0}days", (value / DAY).floor()),
            },
        }
    }

    /// Parses a value: `90s`, `64MiB`, `0.8`, `1000`.
    pub(crate) fn parse(self, text: &str) -> Result<f64, String> {
        #[expect(clippy::cast_precision_loss, reason = "a limit need not be exact")]
        let value = match self {
            Self::Bytes => text.parse::<ByteSize>().map(|size| size.as_u64() as f64),
            Self::Count | Self::Ratio => text.parse().map_err(|_| "it is not a number".to_owned()),
            Self::Seconds => {
                parse_duration(text).map(|time| time.as_secs_f64()).map_err(|error| error.to_string())
            }
        }?;
        if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("it is negative".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Unit};

    #[test]
    fn a_value_is_parsed_in_the_unit_of_its_threshold() {
        assert_eq!(Unit::Seconds.parse("2min"), Ok(120.0));
        assert_eq!(Unit::Bytes.parse("64MiB"), Ok(67_108_864.0));
        assert_eq!(Unit::Ratio.parse("0.8"), Ok(0.8));
        for (unit, text) in
            [(Unit::Seconds, "2"), (Unit::Bytes, "x"), (Unit::Count, "-1"), (Unit::Ratio, "NaN")]
        {
            assert!(unit.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_shown_with_its_unit() {
        let shown = [
            Unit::Seconds.show(0.25),
            Unit::Seconds.show(100_000.0),
            Unit::Seconds.show(35.0 * DAY),
            Unit::Bytes.show(67_108_864.0),
            Unit::Ratio.show(0.8),
        ];
        assert_eq!(shown, ["250ms", "27h", "35days", "64.0 MiB", "80 %"]);
    }
}
