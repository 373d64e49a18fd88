//! How those who are compared are drawn. Colours by Okabe and Ito, for whoever sees few of them.

use kuva::plot::line::LineStyle;
use kuva::plot::scatter::MarkerShape;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;
use zerogap_scenario::compare::Contender;

/// How a series is drawn.
pub(crate) struct Look {
    pub(super) name: String,
    pub(super) color: &'static str,
    pub(super) marker: MarkerShape,
    pub(super) line: LineStyle,
}

impl Look {
    /// Of a comparison's contender.
    pub(crate) fn of(contender: Contender) -> Self {
        let (color, marker, line) = match contender {
            Contender::Scheme(Scheme::StopAndCopy) => ("#000000", MarkerShape::Square, LineStyle::Solid),
            Contender::Scheme(Scheme::PreCopy) => ("#d55e00", MarkerShape::Triangle, LineStyle::Dashed),
            Contender::Scheme(Scheme::PostCopy) => ("#009e73", MarkerShape::TriangleDown, LineStyle::DashDot),
            Contender::Scheme(Scheme::Hybrid) => ("#cc79a7", MarkerShape::Diamond, LineStyle::Dotted),
            Contender::Scheme(Scheme::Redundancy) => ("#e69f00", MarkerShape::Star, LineStyle::Dashed),
            Contender::Scheme(Scheme::HotStandby) => ("#0072b2", MarkerShape::Circle, LineStyle::Solid),
            Contender::Control => ("#888888", MarkerShape::Plus, LineStyle::Dotted),
        };
        Self { name: contender.name().to_owned(), color, marker, line }
    }

    /// Of a scheme under a rule of handover: the scheme's colour, the rule's line and marker.
    pub(crate) fn under(scheme: Scheme, handover: HandoverMode) -> Self {
        let (line, marker, whose) = match handover {
            HandoverMode::Reactive => (LineStyle::Solid, MarkerShape::Circle, "the paper's rule"),
            HandoverMode::Notify => (LineStyle::Dashed, MarkerShape::Diamond, "ours"),
        };
        let name = format!("{}, {} ({whose})", scheme.name(), handover.name());
        Self { name, marker, line, ..Self::of(Contender::Scheme(scheme)) }
    }
}
