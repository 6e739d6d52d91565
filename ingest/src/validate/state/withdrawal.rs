//! A withdrawal of what is not there: a code, a period or a stage was taken for another, and the figure that was meant
//! still stands.

use dinh_lake::present::Length;

use super::super::landed::Landing;
use super::super::messages;
use super::{Judged, State, days};

impl State<'_> {
    /// Judges whether there is anything to withdraw.
    pub(super) fn withdrawal(&mut self, row: u32, landing: &Landing) {
        let Judged { columns, known, places, .. } = self.judged;
        let key = columns.indicator.key(row as usize);
        let Ok(ruled) = &known.indicators[key as usize] else { return };
        let span = known.spans[landing.span as usize];
        let (start, end) = (days(span.start), days(span.end));
        let of = self.series_of(key, ruled.indicator, landing.stage, Length::of(start, end));
        let unit = self.units[landing.unit as usize];
        let series = of.zip(unit).and_then(|(of, unit)| self.view.of_unit(of, unit));
        let is_missing = match series {
            Some(series) => series.lacks(start, end),
            None => self.view.has_all(&ruled.indicator.indicator),
        };
        if is_missing {
            let (unit, period) =
                (places.version(landing.unit, span), columns.period.text(row as usize));
            let code = &ruled.indicator.indicator;
            self.warn(row, messages::nothing_to_withdraw(code, unit, period, landing.stage));
        }
    }
}
