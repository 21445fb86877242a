//! A chart of the throughput over the number of clients.

use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement};
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, RGBColor, WHITE};
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (720, 400);
const OURS: RGBColor = RGBColor(31, 97, 171);
const PGBENCH: RGBColor = RGBColor(140, 140, 140);

/// What a number of clients sustained, in transactions a second.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub clients: usize,
    pub ours: f64,
    pub pgbench: f64,
}

/// The rate of a series.
type Rate = fn(&Point) -> f64;

/// Writes the chart as SVG.
pub fn write(file: &Path, points: &[Point]) -> Result<(), Box<dyn Error>> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let highest = points.iter().map(|point| point.ours.max(point.pgbench)).fold(1.0, f64::max);
    let most = points.iter().map(|point| point.clients).max().unwrap_or(1);
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(0..most + 1, 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("clients, each with a connection")
        .y_desc("transactions/s")
        .x_labels(most + 2)
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .draw()?;
    let series: [(&str, RGBColor, Rate); 2] =
        [("mix of the services", OURS, |point| point.ours), ("pgbench", PGBENCH, |point| point.pgbench)];
    for (name, colour, rate) in series {
        let line = points.iter().map(|point| (point.clients, rate(point)));
        chart
            .draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(line.map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart.configure_series_labels().border_style(BLACK.mix(0.2)).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}
