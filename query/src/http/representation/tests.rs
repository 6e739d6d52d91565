use std::sync::Arc;

use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};

use super::*;

fn rows() -> RecordBatch {
    let decimal = Decimal128Array::from(vec![Some(93_860_000), Some(0), None]);
    let decimal = decimal.with_precision_and_scale(18, 6).unwrap();
    let stamp = TimestampMicrosecondArray::from(vec![Some(1_000_001), Some(0), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("value", Arc::new(decimal)),
        ("name", Arc::new(StringArray::from(vec![Some("Xã \"A\", B"), Some(""), None]))),
        ("rows", Arc::new(Int64Array::from(vec![Some(-1), Some(0), None]))),
        ("mean", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None]))),
        ("good", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_838), Some(0), None]))),
        ("at", Arc::new(stamp.with_timezone("UTC"))),
    ];
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn written(representation: Representation) -> Vec<u8> {
    let rows = rows();
    representation.write(&rows.schema(), &[rows], 7).unwrap()
}

#[test]
fn json_keeps_decimals_exact() {
    let text = String::from_utf8(written(Representation::Json)).unwrap();
    let (columns, rest) = text.split_once("],\"rows\":").unwrap();
    assert!(columns.contains(r#"{"name":"value","type":"Decimal128(18, 6)"}"#), "{columns}");
    assert_eq!(
        rest,
        concat!(
            r#"[{"value":93.86,"name":"Xã \"A\", B","rows":-1,"mean":0.5,"good":true,"#,
            r#""day":"2024-04-25","at":"1970-01-01T00:00:01.000001Z"},"#,
            r#"{"value":0,"name":"","rows":0,"mean":null,"good":false,"#,
            r#""day":"1970-01-01","at":"1970-01-01T00:00:00Z"},"#,
            r#"{"value":null,"name":null,"rows":null,"mean":null,"good":null,"day":null,"at":null}"#,
            r#"],"position":7}"#
        )
    );
}

#[test]
fn csv_tells_null_from_empty_and_quotes() {
    let text = String::from_utf8(written(Representation::Csv)).unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!(lines[0], "value,name,rows,mean,good,day,at");
    assert_eq!(
        lines[1],
        "93.86,\"Xã \"\"A\"\", B\",-1,0.5,true,2024-04-25,1970-01-01T00:00:01.000001Z"
    );
    assert_eq!(lines[2], "0,\"\",0,NaN,false,1970-01-01,1970-01-01T00:00:00Z");
    assert_eq!(lines[3], ",,,,,,");
}

#[test]
fn arrow_and_parquet_give_the_same_rows_back() {
    use arrow::ipc::reader::StreamReader;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

    let stream = written(Representation::Arrow);
    let mut reader = StreamReader::try_new(stream.as_slice(), None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().num_rows(), 3);

    let file = bytes::Bytes::from(written(Representation::Parquet));
    let mut reader = ParquetRecordBatchReader::try_new(file, 100).unwrap();
    let read = reader.next().unwrap().unwrap();
    assert_eq!(read.column(0).as_ref(), rows().column(0).as_ref());
}

#[test]
fn the_client_chooses() {
    for (accept, chosen) in [
        ("*/*", Some(Representation::Json)),
        ("text/csv, application/json;q=0.5", Some(Representation::Csv)),
        ("application/json;q=0.5, application/vnd.apache.parquet", Some(Representation::Parquet)),
        ("text/html, */*;q=0.1", Some(Representation::Json)),
        ("application/vnd.apache.arrow.stream", Some(Representation::Arrow)),
        ("text/html", None),
        ("application/json;q=0", None),
    ] {
        let headers = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
        assert_eq!(Representation::preferred(&headers), chosen, "{accept}");
    }
    assert_eq!(Representation::preferred(&HeaderMap::new()), Some(Representation::Json));
}

#[test]
fn names_that_repeat_are_told_apart() {
    let field = |name| Field::new(name, DataType::Int64, true);
    let schema = Arc::new(Schema::new(vec![field("unit"), field("unit"), field("unit_2")]));
    assert_eq!(distinct_names(&schema), ["unit", "unit_2", "unit_2_2"]);
}
