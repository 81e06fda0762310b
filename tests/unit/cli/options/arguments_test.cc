// The tables of command lines: how one is parsed, and what those of all verbs must hold.
#include "cli/options/arguments.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

#include "base/bytes.hh"
#include "base/error.hh"
#include "cli/options/help.hh"
#include "cli/options/options.hh"
#include "cli/options/parse_arguments.hh"
#include "tests/support/contains.hh"

namespace osb::cli {
namespace {

using test::contains;

// One row of each kind.
struct Sample {
    bool flag = false;
    std::optional<bool> choice;
    unsigned number = 7;
    std::optional<unsigned> most;
    std::string text = "before";
    std::vector<std::string> words;
    std::string name;
    std::vector<std::string> names;
    std::string place;
    Arguments table;

    Sample() {
        table.add({
            {.name = "PLACE", .help = "where", .required = true, .target = &place},
            {.name = "--flag", .letter = 'f', .help = "a flag", .target = &flag},
            {.name = "--choice", .value = "BOOL", .help = "a choice", .target = &choice},
            {.name = "--number", .value = "N", .help = "some", .range = Range{3, 9}, .target = &number},
            {.name = "--most", .value = "N", .help = "the most", .excludes = {"--flag"}, .target = &most},
            {.name = "--text",
             .value = "TEXT",
             .help = "one or two",
             .default_shown = "one",
             .allowed = {"one", "two"},
             .target = &text},
            {.name = "--word", .value = "WORD", .help = "a word", .needs = {"--text"}, .target = &words},
            {.name = "--name", .value = "NAME", .help = "a name", .not_empty = true, .target = &name},
            {.name = "--names", .value = "NAME", .help = "names", .not_empty = true, .target = &names},
            {.name = "--help", .letter = 'h', .help = "show this help", .target = {}},
        });
    }

    bool parse(const std::vector<const char*>& args) { return parse_arguments(table, "try", args); }
    // The error's message, "" when there is none.
    std::string refusal(const std::vector<const char*>& args) {
        try {
            parse(args);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_FALSE(error.hint().empty());
            return error.message();
        }
        return "";
    }
    std::string description(std::string_view row) const { return description_of(*table.find(row), table); }
};

TEST(ParseArguments, TheLastPositionalArgumentMayBeRepeated) {
    std::string first;
    std::vector<std::string> others;
    bool flag = false;
    Arguments table;
    table.add({{.name = "FIRST", .help = "one", .required = true, .target = &first},
               {.name = "OTHER", .help = "more", .required = true, .target = &others},
               {.name = "--flag", .help = "a flag", .target = &flag}});
    const auto parse = [&table](const std::vector<const char*>& args) {
        return parse_arguments(table, "try", args);
    };
    parse({"a", "b", "--flag", "c", "dir:[d]"});
    EXPECT_EQ(first, "a");
    EXPECT_EQ(others, (std::vector<std::string>{"b", "c", "dir:[d]"}));
    EXPECT_TRUE(flag);
    EXPECT_THROW(parse({"a"}), Error);
}

TEST(ParseArguments, SetsWhatIsGivenAndLeavesTheRest) {
    Sample none;
    EXPECT_TRUE(none.parse({"here"}));
    EXPECT_EQ(none.place, "here");
    EXPECT_FALSE(none.flag || none.choice || none.most);
    EXPECT_EQ(none.number, 7U);
    EXPECT_EQ(none.text, "before");
    EXPECT_TRUE(none.words.empty());

    Sample all;
    EXPECT_TRUE(all.parse({"-f", "--choice=false", "--number", "9", "--text=two", "--", "-here"}));
    EXPECT_TRUE(all.flag);
    EXPECT_EQ(all.choice, false);
    EXPECT_EQ(all.number, 9U);
    EXPECT_EQ(all.text, "two");
    EXPECT_EQ(all.place, "-here");
    EXPECT_TRUE(all.parse({"here", "--choice", "--most", "4"}));
    EXPECT_EQ(all.choice, true);
    EXPECT_EQ(all.most, 4U);
}

TEST(ParseArguments, RepeatedValuesAreTakenOneByOneAndAsTheyAre) {
    Sample sample;
    EXPECT_TRUE(sample.parse(
        {"--text", "one", "--word", "-x", "--word=[a,b]", "--word", "--flag", "--word", "", "here"}));
    EXPECT_EQ(sample.words, (std::vector<std::string>{"-x", "[a,b]", "--flag", ""}));
    EXPECT_EQ(sample.place, "here");
    EXPECT_FALSE(sample.flag);
}

TEST(ParseArguments, HelpComesBeforeWhatIsMissing) {
    EXPECT_FALSE(Sample().parse({"--help"}));
    EXPECT_FALSE(Sample().parse({"-f", "-h"}));
}

TEST(ParseArguments, RefusesAndNamesTheArgument) {
    EXPECT_EQ(Sample().refusal({}), "try: PLACE is required");
    EXPECT_TRUE(contains(Sample().refusal({"here", "--number", "2"}), "--number"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--number", "10"}), "3 to 9"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--number", "-4"}), "--number"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--most", "many"}), "--most"));
    EXPECT_TRUE(
        contains(Sample().refusal({"here", "--text", "three"}), "--text: 'three' is not one of one, two"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--text", "one", "--text", "one"}), "--text"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--text"}), "--text"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--most", "4", "-f"}), "excludes"));
    EXPECT_TRUE(contains(Sample().refusal({"here", "--word", "a"}), "--text"));
    // An empty value might mean that none was given. Without the column, it is a value.
    for (const char* option : {"--name", "--names"}) {
        EXPECT_TRUE(contains(Sample().refusal({"here", option, ""}), "the value is empty")) << option;
        EXPECT_NE(Sample().refusal({"here", concat(option, '=').c_str()}), "") << option;
    }
    EXPECT_TRUE(contains(Sample().refusal({"here", "--names", "a", "--names", ""}), "the value is empty"));
    EXPECT_EQ(Sample().refusal({"here", "there"}), "try: unexpected argument 'there'");
    EXPECT_EQ(Sample().refusal({"here", "--text"}), "try: the option --text needs a value");
}

TEST(ParseArguments, NamesAnUnknownOptionBeforeAllElse) {
    EXPECT_EQ(Sample().refusal({"--other"}), "try: unknown option '--other'");
    EXPECT_EQ(Sample().refusal({"--other=x", "here", "there"}), "try: unknown option '--other'");
    EXPECT_EQ(Sample().refusal({"--word", "--word", "here", "--x\x1b"}), "try: unknown option '--x\\x1b'");
    EXPECT_EQ(Sample().refusal({"here", "-fx"}), "try: unknown option '-x'");
    // What follows an option is its value; what follows "--" is no option.
    EXPECT_TRUE(contains(Sample().refusal({"--text", "--other", "here"}), "'--other' is not one of"));
    EXPECT_EQ(Sample().refusal({"--", "here", "--other"}), "try: unexpected argument '--other'");
}

TEST(ParseArguments, SuggestsTheOptionThatWasMeant) {
    const auto advice = [](const std::vector<const char*>& args) -> std::string {
        try {
            Sample().parse(args);
        } catch (const Error& error) {
            return error.hint();
        }
        return "";
    };
    EXPECT_EQ(advice({"here", "--numbr", "3"}), "did you mean '--number'?");
    EXPECT_EQ(advice({"here", "--txet=one"}), "did you mean '--text'?");
    EXPECT_EQ(advice({"here", "--frobnicate"}), "'osb-oci try --help' shows the options");
    EXPECT_EQ(advice({"here", "-x"}), "'osb-oci try --help' shows the options");
}

TEST(Help, ARowSaysAllThatItHolds) {
    const Sample sample;
    EXPECT_EQ(sample.description("PLACE"), "where");
    EXPECT_EQ(sample.description("--flag"), "a flag (not with --most)");
    EXPECT_EQ(sample.description("--most"), "the most (not with --flag)");
    EXPECT_EQ(sample.description("--number"), "some, 3 to 9");
    EXPECT_EQ(sample.description("--text"), "one or two [default: one]");
    EXPECT_EQ(sample.description("--word"), "a word; may be repeated (only with --text)");
}

void for_each_row(const std::function<void(const VerbEntry&, const Arguments&, const Argument&)>& check) {
    for (const VerbEntry* entry : verbs()) {
        const VerbTable verb(*entry);
        for (const Argument& row : verb.table.rows()) {
            SCOPED_TRACE(concat(entry->name, ' ', row.name));
            check(*entry, verb.table, row);
        }
    }
}

TEST(VerbTables, NamesAreUniqueAndRelationsNameRows) {
    std::set<std::pair<std::string_view, std::string>> names;
    for_each_row([&](const VerbEntry& entry, const Arguments& table, const Argument& row) {
        EXPECT_TRUE(names.emplace(entry.name, row.name).second);
        if (row.letter != '\0') {
            EXPECT_TRUE(names.emplace(entry.name, std::string{'-', row.letter}).second);
        }
        for (const std::string_view name : row.excludes) EXPECT_NE(table.find(name), nullptr) << name;
        for (const std::string_view name : row.needs) EXPECT_NE(table.find(name), nullptr) << name;
    });
}

TEST(VerbTables, EachRowSaysWhatItIs) {
    for_each_row([](const VerbEntry&, const Arguments&, const Argument& row) {
        EXPECT_FALSE(row.help.empty());
        EXPECT_FALSE(row.help.ends_with('.') && !row.help.ends_with("..."));
        if (row.is_positional()) {
            EXPECT_TRUE(row.value.empty());
        } else if (std::holds_alternative<bool*>(row.target)) {
            EXPECT_TRUE(row.value.empty());
        } else {
            EXPECT_EQ(row.value.empty(), std::holds_alternative<std::monostate>(row.target));
        }
        for (const std::string_view value : row.allowed) EXPECT_TRUE(contains(row.help, value)) << value;
    });
}

TEST(VerbTables, DefaultsAreTheOnesThatAreShown) {
    std::size_t compared = 0;
    for_each_row([&](const VerbEntry&, const Arguments&, const Argument& row) {
        if (!row.allowed.empty()) {
            EXPECT_NE(std::find(row.allowed.begin(), row.allowed.end(), row.default_shown),
                      row.allowed.end());
            const std::string& value = *std::get<std::string*>(row.target);
            if (value.empty()) return;  // export's --format: whether it was given is asked
            EXPECT_EQ(value, row.default_shown);
            ++compared;
        }
        if (const auto* const* number = std::get_if<unsigned*>(&row.target); number && **number != 0) {
            EXPECT_EQ(concat(**number), row.default_shown);
            ++compared;
        }
    });
    EXPECT_GE(compared, 10U);
}

TEST(VerbTables, DescriptionsAreSentencesAndRelatedVerbsExist) {
    std::set<std::string_view> names;
    for (const VerbEntry* entry : verbs()) names.insert(entry->name);
    for (const VerbEntry* entry : verbs()) {
        SCOPED_TRACE(entry->name);
        EXPECT_FALSE(entry->summary.empty() || entry->summary.ends_with('.'));
        EXPECT_LE(entry->summary.size(), 62U);  // fits the list of verbs
        EXPECT_TRUE(entry->description.ends_with('.'));
        const auto stops = std::count(entry->description.begin(), entry->description.end(), '.');
        EXPECT_GE(stops, 2);
        for (const std::string_view related : entry->related) {
            EXPECT_TRUE(related.empty() || (names.contains(related) && related != entry->name)) << related;
        }
    }
}

TEST(VerbTables, OfferedValuesAreNoneOfTheAllowedOnes) {
    for_each_row([](const VerbEntry&, const Arguments&, const Argument& row) {
        EXPECT_TRUE(row.allowed.empty() || row.offered.empty());
        EXPECT_FALSE(std::holds_alternative<bool*>(row.target) && row.kind != ValueKind::text);
    });
}

TEST(VerbTables, ExamplesAreCommandLinesOfTheVerb) {
    for (const VerbEntry* entry : verbs()) {
        ASSERT_FALSE(entry->examples.empty()) << entry->name;
        bool named = false;
        for (const std::string_view example : entry->examples) {
            EXPECT_FALSE(example.empty() || example.starts_with(' ') || contains(example, "\n")) << example;
            named = named || contains(example, concat("osb-oci ", entry->name));
        }
        EXPECT_TRUE(named) << entry->name;
    }
}

TEST(Help, OfAllVerbsHasTheirRowsInLinesThatFit) {
    for (const VerbEntry* entry : verbs()) {
        SCOPED_TRACE(entry->name);
        const VerbTable verb(*entry);
        const std::string text = help_text(*entry, verb.table);
        for (const Argument& row : verb.table.rows()) {
            EXPECT_TRUE(contains(text, row.name)) << row.name;
            EXPECT_TRUE(contains(text, concat('\n', row.is_positional() ? "Arguments" : row.group, ":\n")));
        }
        const std::size_t begin = text.find("Usage: ");
        std::istringstream lines(text.substr(begin, text.find("\nExamples:\n") - begin));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 80U) << line;
            EXPECT_FALSE(line.ends_with(' ')) << line;
        }
    }
}

}  // namespace
}  // namespace osb::cli
