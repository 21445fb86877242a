//! A chart of the time of some queries over the number of contacts.

use crate::measure::Measured;
use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange;
use plotters::drawing::IntoDrawingArea;
use plotters::element::PathElement;
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, Palette, Palette99, WHITE};
use std::collections::BTreeMap;

/// The queries of the chart: what a scheduler, a provider's event, a page and a report cost.
const QUERIES: [&str; 7] = [
    "call_attempts.apply_provider_event",
    "campaigns.statistics",
    "contacts.claim_due",
    "contacts.export",
    "contacts.find",
    "contacts.list_by_campaign",
    "organizations.list_past_retention",
];

/// An SVG file.
pub fn growth(measured: &BTreeMap<u32, Measured>) -> String {
    let lines = QUERIES.map(|name| {
        let points = measured.iter().filter_map(|(size, measured)| {
            let query = measured.queries.get(name)?;
            Some((f64::from(*size), query.warm.max(0.001)))
        });
        (name, points.collect::<Vec<_>>())
    });
    let times = lines.iter().flat_map(|(_, points)| points.iter().map(|(_, time)| *time));
    let (fastest, slowest) =
        times.fold((1.0_f64, 1.0_f64), |(fastest, slowest), time| (fastest.min(time), slowest.max(time)));
    let sizes = measured.keys().copied().map(f64::from);
    let (first, last) =
        sizes.fold((f64::MAX, 1.0_f64), |(first, last), size| (first.min(size), last.max(size)));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (900, 520)).into_drawing_area();
        area.fill(&WHITE).unwrap();
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d((first..last * 1.01).log_scale(), (fastest / 2.0..slowest * 2.0).log_scale())
            .unwrap();
        chart
            .configure_mesh()
            .x_desc("contacts")
            .y_desc("milliseconds, warm")
            .x_label_formatter(&|size| format!("{size:.0}"))
            .draw()
            .unwrap();
        for (place, (name, points)) in lines.into_iter().enumerate() {
            let colour = Palette99::pick(place).stroke_width(2);
            chart
                .draw_series(LineSeries::new(points, colour).point_size(3))
                .unwrap()
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()
            .unwrap();
        area.present().unwrap();
    }
    svg
}
