// Progress drawn to a string, with a clock that stands still unless it is moved.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "cli/output/display.hh"
#include "cli/output/json_output.hh"
#include "cli/output/progress_bar.hh"
#include "cli/output/progress_json.hh"
#include "cli/output/progress_plain.hh"

namespace osb::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = 1024UL * 1024;

class ProgressThreads : public testing::Test {
  protected:
    ProgressThreads() {
        io_.clock = [this] { return now_; };
        io_.width = [] { return 80U; };
        io_.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment_.find(name);
            return found == environment_.end() ? std::nullopt : std::optional<std::string>(found->second);
        };
    }

    void pass(milliseconds time) { now_ += time; }

    std::vector<std::string> lines() const {
        std::vector<std::string> out;
        std::istringstream text(err_.str());
        for (std::string line; std::getline(text, line);) out.push_back(line);
        return out;
    }

    std::ostringstream out_;
    std::ostringstream err_;
    Io io_{.out = out_, .err = err_};
    Console console_{io_};
    std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
    std::map<std::string, std::string> environment_;
};

TEST_F(ProgressThreads, BarShowsEverythingThatFits) {
    const ProgressView view{.stage = "importing layers",
                            .done = 30 * kMiB,
                            .total = 120 * kMiB,
                            .rate = 10.0 * kMiB,
                            .elapsed = std::chrono::seconds(3)};
    EXPECT_EQ(ProgressBar::render(view, 100),
              "importing layers  [######---------------------]  25 %  30.0 MiB of 120.0 MiB  10.0 MiB/s  "
              "0:09 left");
    for (unsigned columns = 1; columns <= 200; ++columns) {
        EXPECT_LT(ProgressBar::render(view, columns).size(), std::max(columns, 2U)) << columns;
    }
    EXPECT_EQ(ProgressBar::render(view, 40), "importing layers  [###----------]  25 %");
    EXPECT_EQ(ProgressBar::render(view, 30), "importing layers  25 %");
    EXPECT_EQ(ProgressBar::render(view, 10), "importing");
    // Not known: the usual width.
    EXPECT_EQ(ProgressBar::render(view, 0), ProgressBar::render(view, 80));
}

TEST_F(ProgressThreads, BarWithoutTotalOrWithAWrongOne) {
    const ProgressView open{.stage = "reading", .done = 5, .total = std::nullopt, .rate = 0, .elapsed = {}};
    EXPECT_EQ(ProgressBar::render(open, 80), "reading  5 B");
    const ProgressView over{.stage = "x", .done = 20, .total = 10, .rate = 5, .elapsed = {}};
    EXPECT_NE(ProgressBar::render(over, 80).find("100 %"), std::string::npos);
    EXPECT_NE(ProgressBar::render(over, 80).find("0:00 left"), std::string::npos);
    const ProgressView empty{.stage = "x", .done = 0, .total = 0, .rate = 0, .elapsed = {}};
    EXPECT_EQ(ProgressBar::render(empty, 80), "x  0 B of 0 B");
}

TEST_F(ProgressThreads, BarEscapesTheStage) {
    const ProgressView view{.stage = "\x1b[2J", .done = 0, .total = std::nullopt, .rate = 0, .elapsed = {}};
    EXPECT_EQ(ProgressBar::render(view, 80), "\\x1b[2J  0 B");
}

TEST_F(ProgressThreads, BarRedrawsTenTimesASecondAtMostAndGoesAtTheEnd) {
    ProgressBar bar(console_);
    bar.begin("stage", 1000);
    const auto draws = [this] {
        std::size_t count = 0;
        const std::string text = err_.str();
        for (std::size_t at = text.find("\r\x1b[K"); at != std::string::npos;
             at = text.find("\r\x1b[K", at + 1))
            ++count;
        return count;
    };
    EXPECT_EQ(draws(), 1U);
    for (int i = 0; i < 1000; ++i) {
        pass(milliseconds(1));
        bar.advance(1);
    }
    EXPECT_EQ(draws(), 11U);
    bar.end();
    EXPECT_TRUE(err_.str().ends_with("\r\x1b[K"));
    const std::string before = err_.str();
    bar.end();
    bar.advance(1);
    EXPECT_EQ(err_.str(), before);
}

TEST_F(ProgressThreads, LinesGoAboveTheBar) {
    ProgressBar bar(console_);
    bar.begin("stage", std::nullopt);
    err_.str("");
    console_.line(Style::warning, "warning: ", "w");
    EXPECT_EQ(err_.str(), "\r\x1b[Kwarning: w\nstage  0 B");
}

TEST_F(ProgressThreads, RateIsSmoothed) {
    ProgressJson progress(console_);
    progress.begin("s", std::nullopt);
    const auto rate = [this] { return OrderedJson::parse(lines().back())["rate"].get<double>(); };
    for (int i = 0; i < 20; ++i) {
        pass(milliseconds(500));
        progress.advance(500);
    }
    EXPECT_NEAR(rate(), 1000, 1);
    // A sudden stop does not show at once, but soon.
    pass(milliseconds(500));
    progress.advance(0);
    EXPECT_GT(rate(), 700);
    EXPECT_LT(rate(), 1000);
    for (int i = 0; i < 60; ++i) {
        pass(milliseconds(500));
        progress.advance(0);
    }
    EXPECT_LT(rate(), 10);
}

TEST_F(ProgressThreads, PlainSaysWhenAStageBeginsAndThenNowAndAgain) {
    ProgressPlain progress(console_);
    progress.begin("importing layers", 100 * kMiB);
    EXPECT_EQ(lines(), std::vector<std::string>{"importing layers: 100.0 MiB"});
    // 1 % a second: every ten seconds.
    for (int i = 0; i < 20; ++i) {
        pass(milliseconds(1000));
        progress.advance(kMiB);
    }
    ASSERT_EQ(lines().size(), 3U);
    EXPECT_EQ(lines()[1], "importing layers: 10.0 MiB of 100.0 MiB, 10 %, 1.0 MiB/s, 1:30 left");
    // 20 % in two seconds.
    for (int i = 0; i < 20; ++i) {
        pass(milliseconds(100));
        progress.advance(kMiB);
    }
    EXPECT_EQ(lines().size(), 5U);
    progress.begin("writing trees", std::nullopt);
    progress.end();
    EXPECT_EQ(lines().back(), "writing trees");
}

TEST_F(ProgressThreads, PlainWithoutATotal) {
    ProgressPlain progress(console_);
    progress.begin("reading", std::nullopt);
    pass(milliseconds(9999));
    progress.advance(9999);
    EXPECT_EQ(lines().size(), 1U);
    pass(milliseconds(1000));
    progress.advance(1000);
    ASSERT_EQ(lines().size(), 2U);
    EXPECT_EQ(lines()[1], "reading: 10.7 KiB, 1000 B/s");
}

TEST_F(ProgressThreads, JsonHasOneObjectALine) {
    ProgressJson progress(console_);
    progress.begin("st\"age\n", 10);
    for (int i = 0; i < 100; ++i) {
        pass(milliseconds(10));
        progress.advance(1);
    }
    progress.end();
    const std::vector<std::string> text = lines();
    ASSERT_EQ(text.size(), 7U);  // the beginning, five in a second, the end
    const OrderedJson first = OrderedJson::parse(text.front());
    EXPECT_EQ(first["type"], "progress");
    EXPECT_EQ(first["stage"], "st\"age\n");
    EXPECT_EQ(first["done"], 0);
    EXPECT_EQ(first["total"], 10);
    EXPECT_EQ(OrderedJson::parse(text.back())["done"], 100);
}

TEST_F(ProgressThreads, JsonTotalMayBeNull) {
    ProgressJson progress(console_);
    progress.begin("s", std::nullopt);
    EXPECT_TRUE(OrderedJson::parse(lines().at(0))["total"].is_null());
}

TEST_F(ProgressThreads, ThreadsMayAdvanceAtOnce) {
    io_.clock = [] { return std::chrono::steady_clock::now(); };
    ProgressJson progress(console_);
    progress.begin("s", std::nullopt);
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&progress] {
            for (int j = 0; j < 10000; ++j) progress.advance(1);
        });
    }
    for (std::thread& thread : threads) thread.join();
    progress.end();
    EXPECT_EQ(OrderedJson::parse(lines().back())["done"], 40000);
}

TEST_F(ProgressThreads, KindIsChosenByTheTerminal) {
    const auto made = [this](const CommonOptions& options) { return make_progress(options, console_); };
    const auto is_bar = [](const std::unique_ptr<Progress>& p) {
        return dynamic_cast<ProgressBar*>(p.get()) != nullptr;
    };
    const auto is_plain = [](const std::unique_ptr<Progress>& p) {
        return dynamic_cast<ProgressPlain*>(p.get()) != nullptr;
    };
    const auto is_none = [](const std::unique_ptr<Progress>& p) {
        return dynamic_cast<NoProgress*>(p.get()) != nullptr;
    };
    environment_["TERM"] = "xterm";
    EXPECT_TRUE(is_plain(made({})));
    io_.err_is_terminal = true;
    EXPECT_TRUE(is_bar(made({})));
    environment_["TERM"] = "dumb";
    EXPECT_TRUE(is_plain(made({})));
    environment_.clear();
    EXPECT_TRUE(is_plain(made({})));
    CommonOptions options;
    options.progress = "json";
    EXPECT_NE(dynamic_cast<ProgressJson*>(made(options).get()), nullptr);
    options.quiet = true;
    EXPECT_TRUE(is_none(made(options)));
    options.quiet = false;
    options.progress = "none";
    EXPECT_TRUE(is_none(made(options)));
}

TEST_F(ProgressThreads, ColoursFollowOptionTerminalAndEnvironment) {
    environment_["TERM"] = "xterm";
    CommonOptions options;
    EXPECT_FALSE(use_colour(options, io_));
    io_.err_is_terminal = true;
    EXPECT_TRUE(use_colour(options, io_));
    environment_["NO_COLOR"] = "";
    EXPECT_TRUE(use_colour(options, io_));
    environment_["NO_COLOR"] = "1";
    EXPECT_FALSE(use_colour(options, io_));
    options.colour = "always";
    EXPECT_TRUE(use_colour(options, io_));
    io_.err_is_terminal = false;
    EXPECT_TRUE(use_colour(options, io_));
    options.colour = "never";
    EXPECT_FALSE(use_colour(options, io_));
}

}  // namespace
}  // namespace osb::cli
