// The page of a run: complete by itself, with a drawing for each question.
#include "tests/tuner/TunerFixture.h"
#include "tuner/HtmlReport.h"
#include "tuner/Svg.h"

using namespace jvpgen;
using namespace jvpgen::tuner;
using testing::HasSubstr;
using testing::Not;

static size_t countOf(const std::string &text, const std::string &part) {
  size_t out = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++out;
  return out;
}

TEST_F(TunerFixture, TheReportShowsEveryCandidateAndNeedsNoNetwork) {
  plant("tile_n 16, warps 8, stages 2", "wrong");
  const TuningReport report = tuned();
  const std::string page = htmlReport(report);
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  size_t measured = 0;
  for (const Trial &trial : report.programs[0].result.trials) measured += trial.median_us.has_value();
  EXPECT_EQ(countOf(page, "<circle"), measured);
  EXPECT_THAT(page, HasSubstr("Best against default"));
  EXPECT_THAT(page, HasSubstr("tile_m 128"));
  EXPECT_THAT(page, HasSubstr("wrong: output 'o'"));
  EXPECT_EQ(countOf(page, "<svg"), countOf(page, "</svg>"));
  EXPECT_EQ(countOf(page, "<tr>"), countOf(page, "</tr>"));
}

TEST(Svg, TextCannotLeaveItsPlace) {
  EXPECT_EQ(escaped("a < b & \"c\" > d"), "a &lt; b &amp; &quot;c&quot; &gt; d");
  EXPECT_THAT(drawBars({{"<script>", 2, 1}}), Not(HasSubstr("<script>")));
}

TEST(Svg, AMapKeepsTheLeastRatioOfAPair) {
  const std::string drawn = drawMap({{64, 32, 1.5}, {64, 32, 0.75}, {128, 32, 1.25}});
  EXPECT_THAT(drawn, HasSubstr("0.750"));
  EXPECT_THAT(drawn, Not(HasSubstr("1.500")));
  EXPECT_THAT(drawn, HasSubstr("1.250"));
}
