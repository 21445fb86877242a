//! Which backups are kept: `--keep 7d,4w,12m`.

use crate::place::Name;
use chrono::{DateTime, Datelike as _, Utc};
use std::collections::BTreeSet;
use std::str::FromStr;

/// A number of days, weeks, months or years. Of each of the newest ones that have a backup, the newest backup is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep(Vec<(usize, Unit)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// The period that contains a time.
    fn of(self, at: DateTime<Utc>) -> (i32, u32) {
        match self {
            Self::Day => (at.year(), at.ordinal()),
            Self::Week => (at.iso_week().year(), at.iso_week().week()),
            Self::Month => (at.year(), at.month()),
            Self::Year => (at.year(), 0),
        }
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
            let unit = match unit {
                "d" => Unit::Day,
                "w" => Unit::Week,
                "m" => Unit::Month,
                "y" => Unit::Year,
                _ => return None,
            };
            number.parse().ok().filter(|number| *number > 0).map(|number| (number, unit))
        };
        let parts: Option<Vec<_>> = text.split(',').map(|text| part(text.trim())).collect();
        parts
            .map(Self)
            .ok_or_else(|| "write numbers of days, weeks, months and years, such as 7d,4w,12m".to_owned())
    }
}

impl Keep {
    /// The backups of a database that are no longer kept; never the newest.
    #[must_use]
    pub fn expired(&self, names: &[Name]) -> Vec<Name> {
        let mut newest_first: Vec<&Name> = names.iter().collect();
        newest_first.sort_by_key(|name| std::cmp::Reverse(name.at));
        let mut kept: BTreeSet<usize> = BTreeSet::from([0]);
        for (number, unit) in &self.0 {
            let mut periods = BTreeSet::new();
            for (index, name) in newest_first.iter().enumerate() {
                let period = unit.of(name.at);
                if periods.len() < *number && periods.insert(period) {
                    kept.insert(index);
                }
            }
        }
        let expired = newest_first.iter().enumerate().filter(|(index, _)| !kept.contains(index));
        expired.map(|(_, name)| (*name).clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Keep;
    use crate::place::Name;
    use chrono::{TimeDelta, TimeZone as _, Utc};

    fn daily(days: i64) -> Vec<Name> {
        let first = Utc.with_ymd_and_hms(2025, 1, 1, 3, 0, 0).unwrap();
        (0..days).map(|day| Name::new("x", first + TimeDelta::days(day))).collect()
    }

    fn kept(keep: &str, names: &[Name]) -> Vec<String> {
        let expired = keep.parse::<Keep>().unwrap().expired(names);
        let kept = names.iter().filter(|name| !expired.contains(name));
        kept.map(|name| name.at.format("%Y-%m-%d").to_string()).collect()
    }

    #[test]
    fn the_newest_backup_of_each_of_the_newest_periods_is_kept() {
        let names = daily(400); // until 2026-02-04, a Wednesday
        assert_eq!(kept("2d", &names), ["2026-02-03", "2026-02-04"]);
        assert_eq!(kept("1d,3w", &names), ["2026-01-25", "2026-02-01", "2026-02-04"]);
        assert_eq!(kept("3m", &names), ["2025-12-31", "2026-01-31", "2026-02-04"]);
        assert_eq!(kept("2y", &names), ["2025-12-31", "2026-02-04"]);
        // The newest of two weeks and of two months are among those of the days.
        assert_eq!(kept("7d,4w,12m", &names).len(), 7 + (4 - 2) + (12 - 2));
    }

    #[test]
    fn days_without_a_backup_do_not_count() {
        let names = daily(400);
        let rare: Vec<Name> = names.into_iter().step_by(100).collect();
        assert_eq!(kept("3d", &rare).len(), 3);
    }

    #[test]
    fn of_several_backups_of_a_day_the_newest_is_kept() {
        let first = Utc.with_ymd_and_hms(2025, 1, 1, 3, 0, 0).unwrap();
        let names: Vec<Name> = (0..5).map(|hour| Name::new("x", first + TimeDelta::hours(hour))).collect();
        let expired = "7d".parse::<Keep>().unwrap().expired(&names);
        assert_eq!(expired.len(), 4);
        assert!(!expired.contains(&names[4]));
    }

    #[test]
    fn a_keep_is_numbers_and_units() {
        for wrong in ["", "d", "7", "0d", "7x", "-1d", "7d,", "7d 4w", "ü"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
    }
}
