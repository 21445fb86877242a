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
    let wanted = shape(diagram);
    let starts = (0..count.clamp(1, 8)).map(|turn| {
        let mut columns = vec![Vec::new(); wanted];
        for place in 0..count {
            columns[place * wanted / count].push((place + turn) % count);
        }
        columns
    });
    let improved = starts.map(|columns| improve(diagram, columns));
    improved.min_by_key(|columns| cost(diagram, columns)).unwrap_or_default()
}

/// How many columns make a sheet of about three to two.
fn shape(diagram: &Diagram) -> usize {
    let width = diagram.boxes.iter().map(width).max().unwrap_or(0) + 10;
    let height: usize = diagram.boxes.iter().map(|of| height(of) + 5).sum();
    let off = |columns: &usize| (2 * columns * width).abs_diff(3 * height / columns);
    (1..=diagram.boxes.len()).min_by_key(off).unwrap_or(1)
}

/// Moves boxes, and swaps them, for as long as it makes the drawing better.
fn improve(diagram: &Diagram, mut columns: Columns) -> Columns {
    let mut best = cost(diagram, &columns);
    loop {
        let mut better = None;
        for changed in neighbours(&columns) {
            let new = cost(diagram, &changed);
            if new < best {
                best = new;
                better = Some(changed);
            }
        }
        match better {
            Some(changed) => columns = changed,
            None => return columns,
        }
    }
}

/// All arrangements in which one box stands elsewhere or two have changed places.
fn neighbours(columns: &Columns) -> Vec<Columns> {
    let places: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .flat_map(|(column, boxes)| (0..boxes.len()).map(move |place| (column, place)))
        .collect();
    let mut all = Vec::new();
    for (number, &(column, place)) in places.iter().enumerate() {
        let mut without = columns.clone();
        let moved = without[column].remove(place);
        for target in 0..without.len() {
            for at in 0..=without[target].len() {
                let mut changed = without.clone();
                changed[target].insert(at, moved);
                all.push(changed);
            }
        }
        for &(other_column, other) in &places[number + 1..] {
            let mut changed = columns.clone();
            changed[column][place] = columns[other_column][other];
            changed[other_column][other] = moved;
            all.push(changed);
        }
    }
    all
}

/// How long the lines are about, and how tall the sheet.
fn cost(diagram: &Diagram, columns: &Columns) -> usize {
    let areas = areas(diagram, columns, 8);
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
            let ways = from.iter().flat_map(|a| to.iter().map(move |b| a.x.abs_diff(b.x) + a.y.abs_diff(b.y)));
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
pub(super) fn areas(diagram: &Diagram, columns: &Columns, gap: usize) -> Vec<Area> {
    let mut areas = vec![Area { x: 0, y: 0, width: 0, height: 0 }; diagram.boxes.len()];
    let mut x = gap;
    for column in columns {
        let widest = column.iter().map(|&of| width(&diagram.boxes[of])).max().unwrap_or(0);
        let mut y = gap;
        for &of in column {
            let height = height(&diagram.boxes[of]);
            areas[of] = Area { x, y, width: widest, height };
            y += height + gap / 2;
        }
        x += widest + gap;
    }
    areas
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
