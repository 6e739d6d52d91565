//! The OpenAPI document, made from the table of questions that the handlers read their parameters by.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, License, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder,
    ResponsesBuilder, Schema, SecurityRequirement, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;
use super::representation::Representation;
use super::sql::SqlRequest;
use crate::answer::composite::CompositeScores;
use crate::answer::coverage::CoverageOf;
use crate::answer::history::History;
use crate::answer::lists::{Feeds, Indicators};
use crate::answer::question::{Parameter, Question};
use crate::answer::ranking::Ranking;
use crate::answer::series::Series;
use crate::answer::stages::Stages;
use crate::answer::totals::Totals;
use crate::answer::units::UnitsFound;

static TEXT: LazyLock<String> =
    LazyLock::new(|| document().to_json().expect("the document has only text keys"));

/// `GET /openapi.json`.
pub(super) async fn get() -> Response {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The document of all routes.
#[must_use]
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Dinh")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Rankings, totals and the figures behind them. Open indicators are read without a token; everything else, and \
             SQL, with one. Every answer names the ledger position that it includes.",
        ))
        .license(Some(License::new("Apache-2.0")))
        .build();
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    add::<Problem>(&mut schemas);
    add::<SqlRequest>(&mut schemas);
    let mut paths = PathsBuilder::new();
    for question in Question::ALL {
        let answer = add_answer(question, &mut schemas);
        let item = PathItem::new(HttpMethod::Get, operation(question, &answer));
        paths = paths.path(question.path(), item);
    }
    paths = paths.path("/v1/sql", PathItem::new(HttpMethod::Post, sql()));
    for (path, summary) in [
        ("/healthz", "The process answers"),
        ("/readyz", "The hub takes requests"),
        ("/metrics", "Metrics in the OpenMetrics text format"),
        ("/openapi.json", "This document"),
    ] {
        let operation = OperationBuilder::new()
            .tag("operations")
            .summary(Some(summary))
            .response("200", ResponseBuilder::new().description(summary));
        paths = paths.path(path, PathItem::new(HttpMethod::Get, operation));
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("bearer", bearer)
        .build();
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components)).build()
}

/// Adds a schema with those that it refers to; gives its name.
fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) -> String {
    let name = T::name().into_owned();
    T::schemas(schemas);
    schemas.push((name.clone(), <T as PartialSchema>::schema()));
    name
}

fn add_answer(question: Question, schemas: &mut Vec<(String, RefOr<Schema>)>) -> String {
    match question {
        Question::Rankings => add::<Ranking>(schemas),
        Question::Totals => add::<Totals>(schemas),
        Question::Series => add::<Series>(schemas),
        Question::History => add::<History>(schemas),
        Question::Coverage => add::<CoverageOf>(schemas),
        Question::Stages => add::<Stages>(schemas),
        Question::Composites => add::<CompositeScores>(schemas),
        Question::Units => add::<UnitsFound>(schemas),
        Question::Indicators => add::<Indicators>(schemas),
        Question::Feeds => add::<Feeds>(schemas),
    }
}

fn operation(question: Question, answer: &str) -> OperationBuilder {
    let operation = OperationBuilder::new()
        .tag("answers")
        .operation_id(Some(question.name()))
        .summary(Some(question.summary()))
        .securities(Some([SecurityRequirement::default(), bearer()]))
        .parameters(Some(question.parameters().iter().map(|p| parameter(question, p))));
    let json = Content::new(Some(Ref::from_schema_name(answer)));
    let ok = ResponseBuilder::new().description("the answer").content("application/json", json);
    let responses = ResponsesBuilder::new()
        .response("200", ok)
        .response("304", ResponseBuilder::new().description("unchanged since the `ETag`"));
    operation.responses(problems(responses, &["400", "401", "403", "404", "409", "501", "503"]))
}

fn parameter(question: Question, parameter: &Parameter) -> ParameterBuilder {
    let in_path = question.path().contains(&format!("{{{}}}", parameter.name));
    let required = question.requires(parameter.name);
    let data_type = match parameter.name {
        "limit" | "offset" => Type::Integer,
        _ => Type::String,
    };
    ParameterBuilder::new()
        .name(parameter.name)
        .parameter_in(if in_path { ParameterIn::Path } else { ParameterIn::Query })
        .required(if required { Required::True } else { Required::False })
        .description(Some(parameter.description))
        .schema(Some(ObjectBuilder::new().schema_type(data_type)))
        .example(Some(parameter.example.into()))
}

fn sql() -> OperationBuilder {
    let request = RequestBodyBuilder::new()
        .description(Some("one statement that reads"))
        .content("application/json", Content::new(Some(Ref::from_schema_name("SqlRequest"))))
        .content("text/plain", Content::new(Some(ObjectBuilder::new().schema_type(Type::String))))
        .required(Some(Required::True))
        .build();
    let mut ok = ResponseBuilder::new().description(
        "rows; as JSON `{\"columns\": [{\"name\", \"type\"}], \"rows\": [{…}], \"position\": …}`",
    );
    for representation in Representation::ALL {
        let schema = match representation {
            Representation::Json => ObjectBuilder::new().schema_type(Type::Object),
            Representation::Csv | Representation::Arrow | Representation::Parquet => {
                ObjectBuilder::new().schema_type(Type::String)
            }
        };
        ok = ok.content(representation.media_type(), Content::new(Some(schema)));
    }
    let responses = ResponsesBuilder::new().response("200", ok);
    OperationBuilder::new()
        .tag("answers")
        .operation_id(Some("sql"))
        .summary(Some("Rows of one SQL statement that reads"))
        .securities(Some([bearer()]))
        .request_body(Some(request))
        .responses(problems(responses, &["400", "401", "403", "406", "413", "422", "503"]))
}

fn bearer() -> SecurityRequirement {
    SecurityRequirement::new("bearer", Vec::<String>::new())
}

fn problems(responses: ResponsesBuilder, statuses: &[&str]) -> ResponsesBuilder {
    statuses.iter().fold(responses, |responses, status| {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description("a problem document")
            .content("application/problem+json", problem);
        responses.response(*status, response)
    })
}
