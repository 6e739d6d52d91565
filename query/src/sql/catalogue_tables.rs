//! The catalogue as tables: `units`, `indicators`, `feeds`, `holidays`, `composites`, `components`. Made once for each version
//! of the catalogue.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use dinh_lake::Decimal;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::observation::decimal_type;

/// The tables of one catalogue, by name.
pub(super) type Tables = Vec<(&'static str, Arc<dyn TableProvider>)>;

/// Makes the tables of a catalogue.
pub(super) fn tables(catalogue: &Catalogue) -> Result<Tables, DataFusionError> {
    Ok(vec![
        ("units", table(units(catalogue)?)?),
        ("indicators", table(indicators(catalogue)?)?),
        ("feeds", table(feeds(catalogue)?)?),
        ("holidays", table(holidays(catalogue)?)?),
        ("composites", table(composites(catalogue)?)?),
        ("components", table(components(catalogue)?)?),
    ])
}

fn table(rows: RecordBatch) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// Columns as they are added.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn add(&mut self, name: &str, data_type: DataType, array: ArrayRef) {
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(array);
    }

    fn text<S: AsRef<str>>(mut self, name: &str, values: impl Iterator<Item = Option<S>>) -> Self {
        self.add(name, DataType::Utf8, Arc::new(values.collect::<StringArray>()));
        self
    }

    fn whole(mut self, name: &str, values: impl Iterator<Item = Option<i64>>) -> Self {
        self.add(name, DataType::Int64, Arc::new(values.collect::<Int64Array>()));
        self
    }

    fn truth(mut self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.add(name, DataType::Boolean, Arc::new(values.map(Some).collect::<BooleanArray>()));
        self
    }

    fn day(mut self, name: &str, values: impl Iterator<Item = Option<NaiveDate>>) -> Self {
        let days = |day: NaiveDate| {
            i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
        };
        let array = values.map(|day| days(day?)).collect::<Date32Array>();
        self.add(name, DataType::Date32, Arc::new(array));
        self
    }

    fn decimal(mut self, name: &str, values: impl Iterator<Item = Option<Decimal>>) -> Self {
        let array = values.map(|value| value.map(Decimal::unscaled)).collect::<Decimal128Array>();
        self.add(name, decimal_type(), Arc::new(array.with_data_type(decimal_type())));
        self
    }

    fn rows(self) -> Result<RecordBatch, ArrowError> {
        let schema: SchemaRef = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.arrays)
    }
}

fn units(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let units = || catalogue.units.versions().iter();
    Columns::default()
        .text("unit", units().map(|unit| Some(&unit.unit.0)))
        .text("code", units().map(|unit| Some(&unit.code)))
        .text("name", units().map(|unit| Some(&unit.name)))
        .text("name_en", units().map(|unit| unit.name_en.as_ref()))
        .text("kind", units().map(|unit| Some(&unit.kind)))
        .text("level", units().map(|unit| Some(&unit.level)))
        .text("parent", units().map(|unit| unit.parent.as_ref().map(|parent| &parent.0)))
        .text("path", units().map(|unit| Some(catalogue.units.path(unit))))
        .day("valid_from", units().map(|unit| Some(unit.valid_from)))
        .day("valid_to", units().map(|unit| unit.valid_to))
        .text("legal_basis", units().map(|unit| unit.legal_basis.as_ref()))
        .rows()
}

fn indicators(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let all = || catalogue.indicators.values();
    let listed = |values: Vec<&str>| Some(values.join(";"));
    Columns::default()
        .text("indicator", all().map(|i| Some(&i.indicator)))
        .text("name", all().map(|i| Some(&i.name_vi)))
        .text("name_en", all().map(|i| i.name_en.as_ref()))
        .text("kind", all().map(|i| Some(i.kind.code())))
        .text("unit_of_measure", all().map(|i| Some(&i.unit_of_measure)))
        .text("pillar", all().map(|i| i.pillar.as_ref()))
        .text("behaviour", all().map(|i| Some(i.behaviour.code())))
        .text("aggregation", all().map(|i| Some(i.aggregation.code())))
        .text("aggregation_time", all().map(|i| Some(i.aggregation_time.code())))
        .text("numerator", all().map(|i| i.numerator.as_ref()))
        .text("denominator", all().map(|i| i.denominator.as_ref()))
        .whole("factor", all().map(|i| Some(i.factor)))
        .text("direction", all().map(|i| Some(i.direction.code())))
        .text("levels", all().map(|i| listed(i.levels.iter().map(String::as_str).collect())))
        .text("stages", all().map(|i| listed(i.stages.iter().map(|s| s.code()).collect())))
        .text("default_stage", all().map(|i| Some(i.default_stage.code())))
        .decimal("min", all().map(|i| i.min))
        .decimal("max", all().map(|i| i.max))
        .truth("integer", all().map(|i| i.integer))
        .text("tier", all().map(|i| Some(i.tier.code())))
        .text("rebase_weight", all().map(|i| Some(&i.rebase_weight)))
        .text("ranks", all().map(|i| i.ranks.as_ref()))
        .text("precedence", all().map(|i| Some(i.precedence.join(";"))))
        .rows()
}

fn feeds(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let all = || catalogue.feeds.values();
    let listed = |feed: &dinh_lake::feed::Feed| {
        feed.indicators.iter().map(String::as_str).collect::<Vec<_>>().join(";")
    };
    Columns::default()
        .text("feed", all().map(|feed| Some(&feed.feed)))
        .text("name", all().map(|feed| Some(&feed.name_vi)))
        .text("name_en", all().map(|feed| feed.name_en.as_ref()))
        .text("class", all().map(|feed| Some(feed.class.code())))
        .text("calendar", all().map(|feed| Some(feed.calendar.code())))
        .whole("precedence", all().map(|feed| Some(feed.precedence)))
        .text("within", all().map(|feed| Some(&feed.within)))
        .text("indicators", all().map(|feed| Some(listed(feed))))
        .whole("deadline_working_days", all().map(|feed| feed.deadline_working_days.map(i64::from)))
        .rows()
}

fn holidays(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let all = || catalogue.holidays.iter();
    Columns::default()
        .day("day", all().map(|holiday| Some(holiday.day)))
        .text("name", all().map(|holiday| Some(&holiday.name_vi)))
        .text("name_en", all().map(|holiday| holiday.name_en.as_ref()))
        .text("kind", all().map(|holiday| Some(holiday.kind.code())))
        .rows()
}

fn composites(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let all = || catalogue.composites.values();
    Columns::default()
        .text("composite", all().map(|one| Some(&one.composite)))
        .text("version", all().map(|one| Some(&one.version)))
        .text("name", all().map(|one| Some(&one.name_vi)))
        .text("name_en", all().map(|one| one.name_en.as_ref()))
        .day("valid_from", all().map(|one| Some(one.valid_from)))
        .day("valid_to", all().map(|one| one.valid_to))
        .text("legal_basis", all().map(|one| one.legal_basis.as_ref()))
        .text("level", all().map(|one| one.level.as_ref()))
        .text("normalisation", all().map(|one| Some(one.normalisation.code())))
        .text("within_groups", all().map(|one| Some(one.within_groups.code())))
        .text("over_groups", all().map(|one| Some(one.over_groups.code())))
        .text("missing", all().map(|one| Some(one.missing.code())))
        .decimal("threshold", all().map(|one| Some(one.threshold)))
        .decimal("weights_total", all().map(|one| Some(one.weights_total)))
        .decimal("full_score", all().map(|one| Some(one.full_score)))
        .decimal("floor", all().map(|one| Some(one.floor)))
        .decimal("weight_spread", all().map(|one| Some(one.weight_spread)))
        .whole("draws", all().map(|one| Some(i64::from(one.draws))))
        .whole("seed", all().map(|one| Some(i64::from(one.seed))))
        .truth("example", all().map(|one| one.example))
        .text("note", all().map(|one| one.note.as_ref()))
        .rows()
}

fn components(catalogue: &Catalogue) -> Result<RecordBatch, ArrowError> {
    let all = || {
        let all = catalogue.composites.values();
        all.flat_map(|of| of.components().map(move |(group, one)| (of, &of.groups[group], one)))
    };
    Columns::default()
        .text("composite", all().map(|(of, _, _)| Some(&of.composite)))
        .text("version", all().map(|(of, _, _)| Some(&of.version)))
        .text("group", all().map(|(_, group, _)| Some(&group.group)))
        .text("group_name", all().map(|(_, group, _)| Some(&group.name_vi)))
        .decimal("group_weight", all().map(|(_, group, _)| Some(group.weight)))
        .text("component", all().map(|(_, _, one)| Some(&one.component)))
        .text("name", all().map(|(_, _, one)| one.name_vi.as_ref()))
        .text("name_en", all().map(|(_, _, one)| one.name_en.as_ref()))
        .text("indicator", all().map(|(_, _, one)| Some(&one.indicator)))
        .text("stage", all().map(|(_, _, one)| one.stage.map(|stage| stage.code())))
        .decimal("weight", all().map(|(_, _, one)| Some(one.weight)))
        .decimal("max_points", all().map(|(_, _, one)| one.max_points))
        .text("direction", all().map(|(_, _, one)| one.direction.map(|way| way.code())))
        .text("normalisation", all().map(|(_, _, one)| one.normalisation.map(|how| how.code())))
        .decimal("lower", all().map(|(_, _, one)| one.lower))
        .decimal("upper", all().map(|(_, _, one)| one.upper))
        .text("evidence", all().map(|(_, _, one)| one.evidence.as_ref()))
        .rows()
}
