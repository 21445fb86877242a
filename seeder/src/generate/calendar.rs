//! When calls are made: on which days, and at which times of day.
//!
//! Times are microseconds since 1970 in UTC, because a generated campaign calls in UTC: the database does not store where
//! a campaign calls.

use chrono::{DateTime, NaiveTime, Utc};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// The weight of each hour of the day: people answer around noon and in the early evening.
const HOURS: [i64; 24] =
    [1, 1, 1, 1, 1, 1, 2, 8, 30, 60, 90, 100, 80, 50, 60, 75, 85, 100, 110, 90, 40, 10, 4, 2];

/// A fraction of 1 is a number below this.
const ONE_BITS: u32 = 32;

/// The time in the form of the models.
pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// The hour of the day in the form of the models.
pub(super) fn hour(hour: i64) -> NaiveTime {
    u32::try_from(hour).ok().and_then(|hour| NaiveTime::from_hms_opt(hour, 0, 0)).unwrap_or_default()
}

/// The share of a day's calls: fewer on Saturday, none on Sunday.
fn weight(day: i64) -> i64 {
    // 1970-01-01, day 0, was a Thursday.
    match day.rem_euclid(7) {
        2 => 4,
        3 => 0,
        _ => 10,
    }
}

/// Whether calls are made on this day.
pub(super) fn is_calling(day: i64) -> bool {
    weight(day) > 0
}

/// The first day of calls from `day`, inclusive.
pub(super) fn next_calling(day: i64) -> i64 {
    if is_calling(day) { day } else { day + 1 }
}

/// The first calls of a campaign, spread over its days and over the hours of its call window.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// The hours of the window, the last one exclusive.
    window: (i64, i64),
    first_day: i64,
    /// For each day from the first one, the sum of the weights up to its end.
    days: Vec<i64>,
    /// For each hour of the window, the sum of the weights up to its end.
    hours: Vec<i64>,
}

impl Schedule {
    /// The schedule of these days, both inclusive.
    pub(super) fn new(window: (i64, i64), first_day: i64, last_day: i64) -> Self {
        let sums = |weights: &mut dyn Iterator<Item = i64>| {
            weights
                .scan(0, |sum, weight| {
                    *sum += weight;
                    Some(*sum)
                })
                .collect()
        };
        let days = sums(&mut (first_day..=last_day).map(weight));
        let hours = sums(&mut (window.0..window.1).map(|hour| HOURS[super::random::index(hour)]));
        Self { window, first_day, days, hours }
    }

    /// The time of call `number` of `count`; `delay`, below 2^32, moves it towards the next one.
    pub(super) fn first_call(&self, number: i64, count: i64, delay: i64) -> i64 {
        let fraction = ((i128::from(number) << ONE_BITS) + i128::from(delay)) / i128::from(count);
        let (day, rest) = place(&self.days, i64::try_from(fraction).unwrap_or_default());
        self.at(self.first_day + day, rest)
    }

    /// The time on a day at this fraction, below 2^32, of the day's calls.
    pub(super) fn at(&self, day: i64, fraction: i64) -> i64 {
        let (hour, rest) = place(&self.hours, fraction);
        day * DAY + (self.window.0 + hour) * HOUR + ((rest * (HOUR / 1000)) >> ONE_BITS) * 1000
    }

    /// Whether the time is within the call window of a day of calls.
    pub(super) fn contains(&self, micros: i64) -> bool {
        let hour = micros.rem_euclid(DAY) / HOUR;
        is_calling(micros.div_euclid(DAY)) && (self.window.0..self.window.1).contains(&hour)
    }
}

/// The interval that contains this fraction of the total weight, and the fraction of the interval before it.
fn place(sums: &[i64], fraction: i64) -> (i64, i64) {
    let total = sums.last().copied().unwrap_or_default();
    let target = fraction * total;
    let place = sums.partition_point(|sum| sum << ONE_BITS <= target).min(sums.len().saturating_sub(1));
    let end = sums.get(place).copied().unwrap_or_default();
    let start = place.checked_sub(1).and_then(|before| sums.get(before)).copied().unwrap_or_default();
    let rest = (target - (start << ONE_BITS)) / (end - start).max(1);
    (i64::try_from(place).unwrap_or_default(), rest.clamp(0, (1 << ONE_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::{DAY, HOUR, Schedule, is_calling, next_calling};

    /// Monday, 2026-10-26.
    const MONDAY: i64 = 20_752;

    #[test]
    fn first_calls_are_in_the_order_of_the_contacts_and_within_the_window() {
        let schedule = Schedule::new((9, 20), MONDAY, MONDAY + 13);
        let calls: Vec<i64> = (0..5_000)
            .map(|number| schedule.first_call(number, 5_000, (number * 7_919) % (1 << 32)))
            .collect();
        assert!(calls.is_sorted());
        assert!(calls.iter().all(|call| schedule.contains(*call)));
        assert!(calls[0] < MONDAY * DAY + 10 * HOUR && calls[4_999] > (MONDAY + 12) * DAY + 19 * HOUR);
        let on = |day: i64| calls.iter().filter(|call| call.div_euclid(DAY) == MONDAY + day).count();
        assert!(on(0) > 2 * on(5) && on(5) > 0, "fewer on Saturday");
        assert_eq!(on(6) + on(13), 0, "none on Sunday");
    }

    #[test]
    fn no_day_of_calls_is_a_sunday() {
        assert!(is_calling(MONDAY) && !is_calling(MONDAY - 1));
        assert_eq!(next_calling(MONDAY - 1), MONDAY);
        assert_eq!(next_calling(MONDAY), MONDAY);
    }
}
