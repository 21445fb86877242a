//! Where the boxes stand: in columns, so that lines are short and the sheet has a screen's shape.

use super::{Area, Diagram, FIRST_ROW, ROW, TableBox, UNIT};

/// Hundredths of a pixel that a character of 12 pixels takes in any fixed-width font.
const CHARACTER: usize = 723;
/// How much longer a line may get before a pale one is worth the same.
const WEIGHT: usize = 4;

/// The boxes of each column, from above.
type Columns = Vec<Vec<usize>>;

/// Chooses columns and orders: the best of what swaps and moves make of a few beginnings.
pub(super) fn columns(diagram: &Diagram) -> Columns {
    let count = diagram.boxes.len();
    let sizes = sizes(diagram);
    let wanted = shape(&sizes);
    let starts = (0..count.clamp(1, 4)).map(|turn| {
        let mut columns = vec![Vec::new(); wanted];
        for place in 0..count {
            columns[place * wanted / count].push((place + turn * count / 4) % count);
        }
        columns
    });
    let improved = starts.map(|columns| improve(diagram, &sizes, columns));
    improved.min_by_key(|columns| cost(diagram, &sizes, columns)).unwrap_or_default()
}

/// How many columns make a sheet of about three to two.
fn shape(sizes: &[(usize, usize)]) -> usize {
    let width = sizes.iter().map(|(width, _)| width).max().unwrap_or(&0) + 10;
    let height: usize = sizes.iter().map(|(_, height)| height + 5).sum();
    let off = |columns: &usize| (2 * columns * width).abs_diff(3 * height / columns);
    (1..=sizes.len()).min_by_key(off).unwrap_or(1)
}

/// Moves boxes, and swaps them, for as long as one of it makes the drawing better.
fn improve(diagram: &Diagram, sizes: &[(usize, usize)], mut columns: Columns) -> Columns {
    let mut best = cost(diagram, sizes, &columns);
    loop {
        let mut better = false;
        for member in 0..sizes.len() {
            for changed in neighbours(&columns, member) {
                let new = cost(diagram, sizes, &changed);
                if new < best {
                    (best, columns, better) = (new, changed, true);
                }
            }
        }
        if !better {
            return columns;
        }
    }
}

/// All arrangements in which a box stands elsewhere or has changed places with another.
fn neighbours(columns: &Columns, member: usize) -> Vec<Columns> {
    let without: Columns = columns
        .iter()
        .map(|boxes| boxes.iter().copied().filter(|&other| other != member).collect())
        .collect();
    let mut all = Vec::new();
    for (column, boxes) in without.iter().enumerate() {
        for at in 0..=boxes.len() {
            let mut changed = without.clone();
            changed[column].insert(at, member);
            all.push(changed);
        }
        for &other in boxes {
            let swap = |of: &usize| match *of {
                of if of == member => other,
                of if of == other => member,
                of => of,
            };
            all.push(columns.iter().map(|boxes| boxes.iter().map(swap).collect()).collect());
        }
    }
    all
}

/// How long the lines are about, and how tall the sheet.
fn cost(diagram: &Diagram, sizes: &[(usize, usize)], columns: &Columns) -> usize {
    let areas = areas(sizes, columns, 8);
    let mut column_of = vec![0; areas.len()];
    for (column, boxes) in columns.iter().enumerate() {
        for &member in boxes {
            column_of[member] = column;
        }
    }
    let lines: usize = diagram
        .keys
        .iter()
        .map(|key| {
            let (from, to) = (areas[key.from].sides(key.row), areas[key.to].sides(0));
            let ways =
                from.iter().flat_map(|a| to.iter().map(move |b| a.x.abs_diff(b.x) + a.y.abs_diff(b.y)));
            // A line has to find its way round the boxes of the columns between.
            let between = column_of[key.from].abs_diff(column_of[key.to]).saturating_sub(1);
            let length = ways.min().unwrap_or(0) + 15 * between;
            if key.pale { length } else { WEIGHT * length }
        })
        .sum();
    let tallest = areas.iter().map(|area| area.y + area.height).max().unwrap_or(0);
    lines + 3 * WEIGHT * tallest
}

/// Where each box stands when columns and boxes keep a distance.
pub(super) fn areas(sizes: &[(usize, usize)], columns: &Columns, gap: usize) -> Vec<Area> {
    let mut areas = vec![Area { x: 0, y: 0, width: 0, height: 0 }; sizes.len()];
    let mut x = gap;
    for column in columns {
        let width = column.iter().map(|&of| sizes[of].0).max().unwrap_or(0);
        let mut y = gap;
        for &of in column {
            let height = sizes[of].1;
            areas[of] = Area { x, y, width, height };
            y += height + gap / 2;
        }
        x += width + gap;
    }
    areas
}

/// Width and height of each box.
pub(super) fn sizes(diagram: &Diagram) -> Vec<(usize, usize)> {
    diagram.boxes.iter().map(|of| (width(of), height(of))).collect()
}

/// In units: mark, name and type side by side, or the name above them.
fn width(of: &TableBox) -> usize {
    let row = |row: &super::Row| row.name.chars().count() + row.kind.chars().count() + 6;
    let characters = of.rows.iter().map(row).chain([of.name.chars().count() + 3]).max().unwrap_or(0);
    (characters * CHARACTER / 100).div_ceil(UNIT) + 1
}

fn height(of: &TableBox) -> usize {
    if of.rows.is_empty() { FIRST_ROW } else { FIRST_ROW + ROW * of.rows.len() }
}
