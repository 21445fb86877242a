//! The hash functions of PostgreSQL that a restore has the server compute over its rows, for the rows of a dump.
//!
//! They are those of hash partitioning, so they are the same in every version; `hash_bytes_extended` is Bob Jenkins' lookup3.
//! Sources: `src/common/hashfn.c`, `src/backend/access/hash/hashfunc.c`, `src/backend/utils/adt/rowtypes.c`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the arithmetic of the C functions"
)]

use std::borrow::Cow;

/// The query of a table's name, rows and hash: the sum of a 64-bit hash of each row, which does not depend on their order.
///
/// The hash of a record is linear in the hashes of its columns, so that two rows could swap a value unnoticed: it is hashed
/// again, as `float8`, the only type that keeps 53 bits of it.
pub(crate) fn query(name: &str, table: &str, columns: &str) -> String {
    format!(
        "select {name}, count(*), \
         coalesce(sum(hashfloat8extended(hash_record_extended(row({columns}), 0)::float8, 0)), 0)::text from only {table}"
    )
}

/// For each table, its name, the [`Kind`]s of its columns as letters, and the columns for [`query`]. A column whose type has no
/// hash that is the same in every database, or whose hash is costly to repeat here, is its text, which is that of `COPY`.
pub(crate) const COLUMNS: &str = "
select format('%I.%I', nspname, relname), coalesce(string_agg(kind, '' order by attnum), ''),
       coalesce(string_agg(case kind when 'o' then format('case when %1$I is not null then concat(%1$I) end', attname)
                                     when 't' then format('%I collate pg_catalog.\"C\"', attname)
                                     else quote_ident(attname) end, ', ' order by attnum), '')
from pg_class c join pg_namespace n on n.oid = relnamespace
left join lateral (
    select attname, attnum,
           case when atttypid = 'boolean'::regtype then 'b'
                when atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then 'i'
                when atttypid in ('text'::regtype, 'varchar'::regtype) then 't'
                when atttypid in ('timestamp'::regtype, 'timestamptz'::regtype) then 's'
                when atttypid = 'uuid'::regtype then 'u'
                else 'o' end as kind
    from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''
) as columns on true
where relkind = 'r' and relpersistence <> 't' and nspname !~ '^pg_' and nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                                            and d.deptype = 'e')
group by 1, c.oid order by 1";

/// How the value of a column is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Text,
    Timestamp,
    Uuid,
}

impl Kind {
    /// That of a letter of [`COLUMNS`].
    pub(crate) fn of(letter: char) -> Self {
        match letter {
            'b' => Self::Boolean,
            'i' => Self::Integer,
            's' => Self::Timestamp,
            'u' => Self::Uuid,
            _ => Self::Text,
        }
    }

    /// The hash of a value as `COPY` writes it; `None` if it is not one of this kind.
    fn hash(self, value: &[u8]) -> Option<u64> {
        match self {
            Self::Boolean => Some(hash_uint32(u32::from(value == b"t"))),
            Self::Integer => Some(hash_int64(integer(value)?)),
            Self::Text => Some(hash_bytes(&unescape(value))),
            Self::Timestamp => Some(hash_int64(timestamp(value)?)),
            Self::Uuid => {
                let (mut bytes, mut digits) = ([0; 16], 0);
                for digit in value.iter().filter(|byte| **byte != b'-') {
                    let number = char::from(*digit).to_digit(16)?;
                    let byte: &mut u8 = bytes.get_mut(digits / 2)?;
                    *byte = *byte << 4 | number as u8;
                    digits += 1;
                }
                (digits == 32).then(|| hash_bytes(&bytes))
            }
        }
    }
}

/// The hash of rows of one table.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    sum: i128,
}

#[derive(Debug)]
struct Column {
    kind: Kind,
    // Many columns repeat the value of the row before.
    text: Vec<u8>,
    hash: u64,
}

impl Rows {
    /// Of a table with these columns.
    pub(crate) fn new(kinds: &str) -> Self {
        let columns = kinds.chars().map(|letter| {
            // NULL has the hash 0.
            Column { kind: Kind::of(letter), text: b"\\N".to_vec(), hash: 0 }
        });
        Self { columns: columns.collect(), sum: 0 }
    }

    /// Adds a line of `COPY`; `None` if it is not one of this table.
    pub(crate) fn add(&mut self, line: &[u8]) -> Option<()> {
        let mut record: u64 = 0;
        let mut rest = Some(line).filter(|_| !self.columns.is_empty());
        let mut tabs = memchr::memchr_iter(b'\t', line);
        let mut start = 0;
        for column in &mut self.columns {
            rest?;
            let tab = tabs.next();
            let value = &line[start..tab.unwrap_or(line.len())];
            rest = tab.map(|tab| &line[tab + 1..]);
            start = tab.map_or(line.len(), |tab| tab + 1);
            if column.text != value {
                column.hash = if value == b"\\N" { 0 } else { column.kind.hash(value)? };
                column.text.clear();
                column.text.extend_from_slice(value);
            }
            record = record.wrapping_mul(31).wrapping_add(column.hash);
        }
        let number = record as i64 as f64;
        let hash = if number == 0.0 { 0 } else { hash_bytes(&number.to_le_bytes()) };
        self.sum += i128::from(hash as i64);
        rest.is_none().then_some(())
    }

    /// The sum, as the server writes it.
    pub(crate) fn sum(&self) -> String {
        self.sum.to_string()
    }
}

/// A value without the escapes of `COPY`.
fn unescape(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        plain.push(match escaped {
            None => byte,
            Some(b'b') => 8,
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'v') => 11,
            Some(b'f') => 12,
            Some(b'r') => b'\r',
            Some(other) => other,
        });
    }
    Cow::Owned(plain)
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Microseconds since 2000-01-01, of the form `2026-11-25 13:42:06.6884+00` or without the zone, which is UTC.
fn timestamp(text: &[u8]) -> Option<i64> {
    match text {
        b"infinity" => return Some(i64::MAX),
        b"-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, is_before_christ) = text.strip_suffix(b" BC").map_or((text, false), |text| (text, true));
    let text = text.strip_suffix(b"+00").unwrap_or(text);
    let dash = memchr::memchr(b'-', text)?;
    let number = |from: usize, to: usize| {
        let digits = text.get(dash + from..dash + to)?;
        digits
            .iter()
            .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let year = integer(&text[..dash])?;
    let (month, day) = (number(1, 3)?, number(4, 6)?);
    let seconds = number(7, 9)? * 3600 + number(10, 12)? * 60 + number(13, 15)?;
    let micros = match text.get(dash + 15..)? {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 6 => {
            number(16, 16 + digits.len())? * 10_i64.pow(6 - digits.len() as u32)
        }
        _ => return None,
    };
    // The days of the civil calendar, from March to February, as Howard Hinnant computes them.
    let year = if is_before_christ { 1 - year } else { year } - i64::from(month <= 2);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730_425;
    Some((days * 86_400 + seconds) * 1_000_000 + micros)
}

/// `hash_bytes_extended` with the seed 0.
fn hash_bytes(bytes: &[u8]) -> u64 {
    let start = 0x9e37_79b9_u32.wrapping_add(bytes.len() as u32).wrapping_add(3_923_095);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |bytes: &[u8; 12], at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    let (chunks, rest) = bytes.as_chunks::<12>();
    for chunk in chunks {
        a = a.wrapping_add(word(chunk, 0));
        b = b.wrapping_add(word(chunk, 4));
        c = c.wrapping_add(word(chunk, 8));
        (a, b, c) = mix(a, b, c);
    }
    // The lowest byte of the last word is reserved for the length.
    let mut last = [0; 12];
    let (low, high) = rest.split_at(rest.len().min(8));
    last[..low.len()].copy_from_slice(low);
    last[9..9 + high.len()].copy_from_slice(high);
    finish(a.wrapping_add(word(&last, 0)), b.wrapping_add(word(&last, 4)), c.wrapping_add(word(&last, 8)))
}

/// `hash_bytes_uint32_extended` with the seed 0.
fn hash_uint32(number: u32) -> u64 {
    let start = 0x9e37_79b9_u32.wrapping_add(4).wrapping_add(3_923_095);
    finish(start.wrapping_add(number), start, start)
}

/// `hashint8extended`, which is equal for the smaller integers.
fn hash_int64(number: i64) -> u64 {
    let high = (number >> 32) as u32;
    hash_uint32(number as u32 ^ if number >= 0 { high } else { !high })
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    (a, b, c)
}

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u64 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    u64::from(b) << 32 | u64::from(c)
}
