//! Telephone numbers that regulators reserve for fiction: they are valid, and assigned to no subscriber.

/// Consecutive numbers: the international prefix, and the subscriber numbers that follow it.
struct Range {
    prefix: &'static str,
    /// The number of digits after the prefix.
    digits: usize,
    first: i64,
    count: i64,
}

const fn range(prefix: &'static str, digits: usize, first: i64, count: i64) -> Range {
    Range { prefix, digits, first, count }
}

/// Numbers of each area code of North America, 555-0100 to 555-0199.
const PER_AREA: i64 = 100;

/// Numbers of North America.
#[expect(clippy::cast_possible_wrap, reason = "a constant has no other conversion")]
const NORTH_AMERICA: i64 = PER_AREA * AREA_CODES.len() as i64;

/// Area codes of the United States and Canada.
const AREA_CODES: &[u16] = &[
    201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 220, 223, 224,
    225, 226, 228, 229, 231, 234, 236, 239, 240, 248, 249, 250, 251, 252, 253, 254, 256, 260, 262, 267, 269,
    270, 272, 276, 279, 281, 289, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310, 312, 313, 314, 315, 316,
    317, 318, 319, 320, 321, 323, 325, 326, 327, 330, 331, 332, 334, 336, 337, 339, 341, 343, 346, 347, 351,
    352, 360, 361, 364, 365, 367, 380, 385, 386, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 412, 413,
    414, 415, 416, 417, 418, 419, 423, 424, 425, 430, 431, 432, 434, 435, 437, 438, 440, 442, 443, 445, 447,
    448, 450, 458, 463, 464, 469, 470, 475, 478, 479, 480, 484, 501, 502, 503, 504, 505, 506, 507, 508, 509,
    510, 512, 513, 514, 515, 516, 517, 518, 519, 520, 530, 531, 534, 539, 540, 541, 548, 551, 559, 561, 562,
    563, 564, 567, 570, 571, 573, 574, 575, 579, 580, 581, 582, 585, 586, 587, 601, 602, 603, 604, 605, 606,
    607, 608, 609, 610, 612, 613, 614, 615, 616, 617, 618, 619, 620, 623, 626, 628, 629, 630, 631, 636, 639,
    640, 641, 646, 647, 650, 651, 656, 657, 659, 660, 661, 662, 667, 669, 672, 678, 680, 681, 682, 689, 701,
    702, 703, 704, 705, 706, 707, 708, 709, 712, 713, 714, 715, 716, 717, 718, 719, 720, 724, 725, 726, 727,
    731, 732, 734, 737, 740, 743, 747, 754, 757, 760, 762, 763, 765, 769, 770, 772, 773, 774, 775, 778, 779,
    780, 781, 782, 785, 786, 801, 802, 803, 804, 805, 806, 807, 808, 810, 812, 813, 814, 815, 816, 817, 818,
    819, 820, 825, 826, 828, 830, 831, 832, 838, 839, 840, 843, 845, 847, 848, 850, 854, 856, 857, 858, 859,
    860, 862, 863, 864, 865, 867, 870, 872, 873, 878, 901, 902, 903, 904, 905, 906, 907, 908, 909, 910, 912,
    913, 914, 915, 916, 917, 918, 919, 920, 925, 928, 929, 930, 931, 934, 936, 937, 938, 940, 941, 943, 945,
    947, 948, 949, 951, 952, 954, 956, 959, 970, 971, 972, 973, 975, 978, 979, 980, 983, 984, 985, 986, 989,
];

/// The sources are in `docs/data.md`.
const RANGES: &[Range] = &[
    // United Kingdom, Ofcom: numbers for use in television and radio drama programmes.
    range("+44113496", 4, 0, 1000),
    range("+44114496", 4, 0, 1000),
    range("+44115496", 4, 0, 1000),
    range("+44116496", 4, 0, 1000),
    range("+44117496", 4, 0, 1000),
    range("+44118496", 4, 0, 1000),
    range("+44121496", 4, 0, 1000),
    range("+44131496", 4, 0, 1000),
    range("+44141496", 4, 0, 1000),
    range("+44151496", 4, 0, 1000),
    range("+44161496", 4, 0, 1000),
    range("+44191498", 4, 0, 1000),
    range("+44207946", 4, 0, 1000),
    range("+44289649", 4, 6000, 1000),
    range("+44292018", 4, 0, 1000),
    range("+441632960", 3, 0, 1000),
    range("+447700900", 3, 0, 1000),
    // Australia, ACMA: numbers for use in television shows, films and creative works.
    range("+6125550", 4, 0, 10_000),
    range("+6127010", 4, 0, 10_000),
    range("+6135550", 4, 0, 10_000),
    range("+6137010", 4, 0, 10_000),
    range("+6175550", 4, 0, 10_000),
    range("+6177010", 4, 0, 10_000),
    range("+6185550", 4, 0, 10_000),
    range("+6187010", 4, 0, 10_000),
    // France, ARCEP: numbers for audiovisual works.
    range("+3319900", 4, 0, 10_000),
    range("+3326191", 4, 0, 10_000),
    range("+3335301", 4, 0, 10_000),
    range("+3346571", 4, 0, 10_000),
    range("+3353649", 4, 0, 10_000),
    range("+3363998", 4, 0, 10_000),
    // Germany, Bundesnetzagentur: numbers for media productions.
    range("+493023125", 3, 0, 1000),
    range("+496990009", 3, 0, 1000),
    range("+494066969", 3, 0, 1000),
    range("+492214710", 3, 0, 1000),
    range("+498999998", 3, 0, 1000),
];

/// The number of telephone numbers.
pub(super) const COUNT: i64 = {
    let mut count = NORTH_AMERICA;
    let mut place = 0;
    while place < RANGES.len() {
        count += RANGES[place].count;
        place += 1;
    }
    count
};

/// The telephone number at this place, 0 to [`COUNT`] exclusive.
pub(super) fn number(place: i64) -> String {
    if let Some(code) = AREA_CODES.get(super::random::index(place / PER_AREA)) {
        return format!("+1{code}55501{:02}", place % PER_AREA);
    }
    let mut rest = place - NORTH_AMERICA;
    for Range { prefix, digits, first, count } in RANGES {
        if rest < *count {
            return format!("{prefix}{:0digits$}", first + rest);
        }
        rest -= count;
    }
    number(place % COUNT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{AREA_CODES, COUNT, number};

    #[test]
    fn every_number_is_e164_and_no_two_are_equal() {
        let numbers: BTreeSet<String> = (0..COUNT).map(number).collect();
        assert_eq!(numbers.len(), usize::try_from(COUNT).unwrap());
        for number in numbers {
            let digits = number.strip_prefix('+').unwrap();
            assert!(digits.len() <= 15 && digits.bytes().all(|digit| digit.is_ascii_digit()), "{number}");
        }
        assert!(AREA_CODES.is_sorted());
    }
}
