// The program, run in this process: wrong command lines first.
#include "cli/run.hh"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "cli/output/json_output.hh"
#include "oci/documents/manifest.hh"
#include "tests/support/contains.hh"

namespace osb::cli {
namespace {

using test::contains;

namespace fs = std::filesystem;
using oci::Digest;

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;

    OrderedJson json() const { return OrderedJson::parse(out); }
};

struct Setting {
    bool terminal = false;
    std::map<std::string, std::string> environment;
};

Outcome run_with(const std::vector<const char*>& args, const Setting& setting) {
    std::ostringstream out;
    std::ostringstream err;
    Io io{.out = out, .err = err};
    io.out_is_terminal = io.err_is_terminal = setting.terminal;
    io.environment = [&setting](const std::string& name) -> std::optional<std::string> {
        const auto found = setting.environment.find(name);
        return found == setting.environment.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    Outcome outcome;
    outcome.status = run(args, io);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

Outcome osb_oci(const std::vector<const char*>& args) {
    return run_with(args, {});
}

// U+202E, which reverses what follows it on a screen.
const std::string kOverride{'\xe2', '\x80', '\xae'};

bool has_control_bytes(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
    });
}

TEST(CommandLine, WrongOnesEndWithTwoAndSayWhy) {
    struct Case {
        std::vector<const char*> args;
        const char* words;
    };
    const std::vector<Case> cases{
        {{}, "no verb given"},
        {{""}, "unknown verb ''"},
        {{"imprt"}, "unknown verb 'imprt'\nhint: did you mean 'import'?"},
        {{"inspekt", "x"}, "did you mean 'inspect'?"},
        {{"frobnicate"}, "'osb-oci --help' lists the verbs"},
        {{"export"}, "export: REV is required"},
        {{"export", "rev"}, "export: IMAGE is required"},
        {{"export", "rev", "nonsense"}, "'nonsense'"},
        {{"export", "rev", "oci:x", "--compression", "lz4"}, "unknown compression 'lz4'"},
        {{"export", "rev", "oci:x", "--compression", "gzip:99"}, "gzip"},
        {{"export", "rev", "docker-archive:x", "--compression", "zstd"}, "docker-archive"},
        {{"export", "rev", "oci:x", "--max-layers", "2"}, "--max-layers"},
        {{"export", "rev", "oci:x", "--format", "tar"}, "--format"},
        {{"export", "rev", "oci:x", "--label", "=x"}, "--label"},
        {{"export", "rev", "oci:x", "--cmd", "[1]"}, "--cmd"},
        {{"push", "rev"}, "push: DEST is required"},
        {{"push", "rev", "oci:x"}, "'oci:x' is not a registry"},
        {{"push", "rev", "docker://h/x", "--force"}, "--force"},
        {{"push", "rev", "file:///srv", "--creds", "a:b"}, "unchanged"},
        {{"push", "rev", "file:///srv", "--policy", "x"}, "unchanged"},
        {{"push", "rev", "file:///srv", "--require-signature"}, "unchanged"},
        {{"push", "rev", "docker://h/x", "--creds", "secret"}, "USER:PASSWORD"},
        {{"pull"}, "pull: IMAGE is required"},
        {{"pull", "oci:x", "--ref", "a b"}, "a b"},
        {{"install-to-disk", "oci:x"}, "TARGET is required"},
        {{"\x1b[2J"}, "unknown verb '\\x1b[2J'"},
        {{"--json", "import"}, "options follow the verb"},
        {{"--frob"}, "unknown option '--frob'"},
        {{"help", "frob"}, "unknown verb 'frob'"},
        {{"import"}, "import: IMAGE is required"},
        {{"import", "--frob", "oci:x"}, "--frob"},
        {{"import", "oci:x", "extra"}, "extra"},
        {{"import", "oci:x", "\x1b]0;x\a"}, "\\x1b]0;x\\x07"},
        {{"import", "nonsense"}, "'nonsense'"},
        {{"import", "frob:x"}, "'frob:x'"},
        {{"lint", "frob://x"}, "'frob://x'"},
        {{"union", "docker:x", "addon"}, "'docker:x'"},
        {{"import", "oci:"}, "oci:"},
        {{"import", "oci:x", "--layout", "round"}, "--layout"},
        {{"import", "oci:x", "--platform", "linux"}, "linux"},
        {{"import", "oci:x", "--jobs", "0"}, "--jobs"},
        {{"import", "oci:x", "--jobs", "-1"}, "--jobs"},
        {{"import", "oci:x", "--jobs", "many"}, "--jobs"},
        {{"import", "oci:x", "--jobs", "99999999999999999999"}, "--jobs"},
        {{"import", "oci:x", "--ref", "a b"}, "a b"},
        {{"import", "oci:x", "--ref"}, "--ref"},
        {{"import", "oci:x", "--ref", "a", "--ref", "b"}, "--ref"},
        {{"import", "oci:x", "--parent", ""}, "--parent is empty"},
        {{"import", "oci:x", "--repo", ""}, "--repo is empty"},
        {{"import", "oci:x", "-q", "-v"}, "excludes"},
        {{"import", "oci:x", "--progress", "loud"}, "--progress"},
        {{"inspect", "oci:x", "--color", "mauve"}, "--color"},
        {{"status", "--repo", "r"}, "--repo"},
        {{"inspect", "oci:x", "--raw", "--config"}, "excludes"},
        {{"inspect", "oci:x", "--raw", "--json"}, "--json excludes --raw"},
    };
    for (const Case& c : cases) {
        const Outcome outcome = osb_oci(c.args);
        EXPECT_EQ(outcome.status, 2) << c.words;
        EXPECT_TRUE(contains(outcome.err, c.words)) << outcome.err;
        EXPECT_TRUE(outcome.err.starts_with("osb-oci: error: ")) << outcome.err;
        EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2) << outcome.err;
        EXPECT_FALSE(has_control_bytes(outcome.err)) << outcome.err;
    }
}

TEST(CommandLine, ErrorsAreJsonOnRequestAlsoWhenTheLineIsWrong) {
    const Outcome outcome = osb_oci({"import", "--json", "--frob", "oci:x"});
    EXPECT_EQ(outcome.status, 2);
    const OrderedJson error = outcome.json().at("error");
    EXPECT_EQ(error.at("kind"), "usage");
    EXPECT_EQ(error.at("code"), "usage");
    EXPECT_EQ(error.at("status"), 2);
    EXPECT_TRUE(contains(error.at("message").get<std::string>(), "--frob"));
    EXPECT_FALSE(error.at("hint").get<std::string>().empty());
    EXPECT_TRUE(outcome.err.starts_with("osb-oci: error: "));
    // What comes after "--" is no option.
    EXPECT_EQ(osb_oci({"import", "--", "--json"}).out, "");
}

TEST(CommandLine, HelpNamesEveryVerbAndHasExamples) {
    const Outcome all = osb_oci({"--help"});
    EXPECT_EQ(all.status, 0);
    EXPECT_EQ(all.err, "");
    for (const char* verb : {"import", "export", "push", "pull", "inspect", "install-to-disk"}) {
        EXPECT_TRUE(contains(all.out, concat("\n  ", verb, "  "))) << all.out;
        const Outcome one = osb_oci({verb, "--help"});
        EXPECT_EQ(one.status, 0);
        EXPECT_TRUE(contains(one.out, concat("Usage: osb-oci ", verb))) << one.out;
        EXPECT_TRUE(contains(one.out, concat("Examples:\n"))) << one.out;
        EXPECT_TRUE(contains(one.out, concat("  osb-oci ", verb, " "))) << one.out;
        for (const char* option :
             {"--json", "--progress", "--quiet", "--verbose", "--color", "--help", "--tls-verify"}) {
            EXPECT_TRUE(contains(one.out, option)) << option;
        }
        EXPECT_EQ(osb_oci({"help", verb}).out, one.out);
        EXPECT_EQ(osb_oci({verb, "-h"}).out, one.out);
    }
    EXPECT_TRUE(contains(osb_oci({"import", "--help"}).out, "--repo"));
    EXPECT_EQ(osb_oci({"-h"}).out, all.out);
    EXPECT_EQ(osb_oci({"help"}).out, all.out);
}

TEST(CommandLine, VersionIsTheFirstLineAndThoseOfLibrariesFollow) {
    const Outcome outcome = osb_oci({"--version"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_TRUE(outcome.out.starts_with(concat("osb-oci ", OSB_VERSION, "\n"))) << outcome.out;
    for (const char* library : {"libostree", "GLib", "libcurl", "OpenSSL", "zstd", "xz", "zlib", "bzip2"}) {
        EXPECT_TRUE(contains(outcome.out, concat("\n", library, " "))) << library << ": " << outcome.out;
    }
    EXPECT_TRUE(contains(outcome.out, concat("\nzstd ", ZSTD_versionString(), "\n"))) << outcome.out;
}

TEST(CommandLine, FailedWriteIsAnError) {
    using Line = std::vector<const char*>;
    for (const Line& args :
         {Line{"--help"}, Line{"-h"}, Line{"help"}, Line{"--version"}, Line{"import", "--help"},
          Line{"help", "import"}, Line{"complete", "imp"}, Line{"complete", "import", "--"}}) {
        std::ofstream full("/dev/full");
        if (!full) GTEST_SKIP() << "no /dev/full";
        std::ostringstream err;
        Io io{.out = full, .err = err};
        EXPECT_EQ(run(args, io), 1) << args.back();
        EXPECT_EQ(err.str(), "osb-oci: error: cannot write to standard output\n") << args.back();
    }
}

// An image layout written by hand.
class InspectTest : public testing::Test {
  protected:
    InspectTest() {
        std::string name = (fs::temp_directory_path() / "osb-cli-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp");
        root_ = name;
        fs::create_directories(root_ / "blobs/sha256");
        write(root_ / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
        image_ = "oci:" + name;
    }
    void TearDown() override { fs::remove_all(root_); }

    static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

    // Writes a blob; its descriptor.
    OrderedJson blob(std::string_view media_type, const std::string& text) const {
        const Digest digest = Digest::of(as_bytes(text));
        write(root_ / "blobs/sha256" / digest.hex(), text);
        return {{"mediaType", media_type}, {"digest", digest.to_string()}, {"size", text.size()}};
    }

    OrderedJson image(const std::string& architecture, const OrderedJson& labels,
                      const OrderedJson& annotations = OrderedJson::object()) {
        const OrderedJson layer = blob(oci::kMediaTypeLayer, std::string(1024, '\0'));
        config_ = OrderedJson{{"os", "linux"},
                              {"architecture", architecture},
                              {"created", "2026-11-21T09:24:08.5Z"},
                              {"config", {{"Labels", labels}}},
                              {"rootfs", {{"type", "layers"}, {"diff_ids", {layer["digest"]}}}}}
                      .dump();
        manifest_ = OrderedJson{{"schemaVersion", 2},
                                {"mediaType", oci::kMediaTypeManifest},
                                {"config", blob(oci::kMediaTypeConfig, config_)},
                                {"layers", OrderedJson::array({layer})},
                                {"annotations", annotations}}
                        .dump();
        OrderedJson descriptor = blob(oci::kMediaTypeManifest, manifest_);
        descriptor["platform"] = {{"os", "linux"}, {"architecture", architecture}};
        return descriptor;
    }

    void index(const std::vector<OrderedJson>& manifests) const {
        write(root_ / "index.json",
              OrderedJson{{"schemaVersion", 2}, {"mediaType", oci::kMediaTypeIndex}, {"manifests", manifests}}
                  .dump());
    }

    Outcome inspect(std::vector<const char*> args, const Setting& setting = {}) const {
        args.insert(args.begin(), {"inspect", image_.c_str()});
        return run_with(args, setting);
    }

    fs::path root_;
    std::string image_;
    std::string config_;
    std::string manifest_;
};

TEST_F(InspectTest, JsonHasTheDocumentedForm) {
    index({image("s390x", {{"a", "b"}}, {{"k", "v"}})});
    const Outcome outcome = inspect({"--json"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const OrderedJson json = outcome.json();
    EXPECT_EQ(json.at("schema"), 1);
    EXPECT_EQ(json.at("kind"), "image");
    EXPECT_EQ(json.at("image"), image_);
    EXPECT_EQ(json.at("transport"), "oci");
    EXPECT_EQ(json.at("digest"), Digest::of(as_bytes(manifest_)).to_string());
    EXPECT_EQ(json.at("config").at("size"), config_.size());
    EXPECT_EQ(json.at("platform").at("architecture"), "s390x");
    EXPECT_EQ(json.at("created"), "2026-11-21T09:24:08Z");
    EXPECT_EQ(json.at("size"), 1024);
    ASSERT_EQ(json.at("layers").size(), 1U);
    EXPECT_EQ(json.at("layers")[0].at("diff_id"), json.at("layers")[0].at("digest"));
    EXPECT_EQ(json.at("labels"), OrderedJson({{"a", "b"}}));
    EXPECT_EQ(json.at("annotations"), OrderedJson({{"k", "v"}}));
    EXPECT_EQ(json.at("ostree").at("encapsulated"), false);
    EXPECT_TRUE(json.at("ostree").at("commit").is_null());
}

TEST_F(InspectTest, EncapsulatedImageIsTold) {
    const std::string commit(64, 'c');
    index({image("amd64", {{"ostree.commit", commit},
                           {"ostree.final-diffid", "sha256:1"},
                           {"ostree.bootable", "true"},
                           {"containers.bootc", "1"}})});
    const OrderedJson ostree = inspect({"--json"}).json().at("ostree");
    EXPECT_EQ(ostree.at("encapsulated"), true);
    EXPECT_EQ(ostree.at("commit"), commit);
    EXPECT_EQ(ostree.at("final_diff_id"), "sha256:1");
    EXPECT_EQ(ostree.at("bootable"), "true");
    EXPECT_EQ(ostree.at("bootc"), true);
    EXPECT_TRUE(contains(inspect({}).out, "encapsulates commit " + commit));
    EXPECT_TRUE(contains(inspect({}).out, "labelled for bootc"));
}

TEST_F(InspectTest, TableHasTheFacts) {
    index({image("amd64", {{"name", "value"}})});
    const Outcome outcome = inspect({});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    for (const char* words :
         {"platform    linux/amd64\n", "created     2026-11-21 09:24:08 UTC\n",
          "size        1.0 KiB in 1 layer\n", "\nlabels\n  name  value\n", "an ordinary image"}) {
        EXPECT_TRUE(contains(outcome.out, words)) << words << outcome.out;
    }
    EXPECT_FALSE(contains(outcome.out, "annotations"));
}

TEST_F(InspectTest, HostileTextIsEscaped) {
    index({image("amd64\x1b[2J", {{"\x1b]52;c;QQ\a", "line\nbreak\r"}}, {{"\x7f", kOverride}})});
    const Outcome table = inspect({});
    // The architecture is refused or escaped, never printed.
    EXPECT_FALSE(has_control_bytes(table.out + table.err));
    EXPECT_FALSE(contains(table.out, kOverride));

    index({image("amd64", {{"\x1b]52;c;QQ\a", "line\nbreak\r"}}, {{"\x7f", kOverride}})});
    const Outcome plain = inspect({});
    ASSERT_EQ(plain.status, 0) << plain.err;
    EXPECT_FALSE(has_control_bytes(plain.out));
    EXPECT_TRUE(contains(plain.out, "\\x1b]52;c;QQ\\x07  line\\x0abreak\\x0d"));
    EXPECT_FALSE(contains(plain.out, kOverride));
    const Outcome json = inspect({"--json"});
    EXPECT_FALSE(has_control_bytes(json.out));
    EXPECT_FALSE(contains(json.out, kOverride));
    EXPECT_EQ(json.json().at("labels").at("\x1b]52;c;QQ\a"), "line\nbreak\r");
}

TEST_F(InspectTest, RawAndConfigAreTheVeryBytes) {
    index({image("amd64", OrderedJson::object())});
    EXPECT_EQ(inspect({"--raw"}).out, manifest_);
    EXPECT_EQ(inspect({"--config"}).out, config_);
    // DEL is legal in JSON text, and no business of a terminal.
    index({image("amd64", {{"a", "\x7f"}})});
    EXPECT_TRUE(contains(inspect({"--config"}).out, "\x7f"));
    const Outcome terminal = inspect({"--config"}, {.terminal = true, .environment = {}});
    EXPECT_FALSE(contains(terminal.out, "\x7f"));
    EXPECT_TRUE(contains(terminal.out, "\\x7f"));
}

TEST_F(InspectTest, IndexForOtherMachinesIsListed) {
    index({image("s390x", OrderedJson::object()), image("mips64le", OrderedJson::object())});
    const Outcome flat = inspect({});
    ASSERT_EQ(flat.status, 0) << flat.err;
    EXPECT_TRUE(contains(flat.out, "linux/s390x")) << flat.out;
    EXPECT_TRUE(contains(flat.out, "choose with --platform"));
    const OrderedJson json = inspect({"--json"}).json();
    EXPECT_EQ(json.at("kind"), "index");
    ASSERT_EQ(json.at("manifests").size(), 2U);
    EXPECT_EQ(json.at("manifests")[1].at("platform").at("architecture"), "mips64le");
    EXPECT_TRUE(contains(inspect({"--raw"}).out, "\"manifests\""));
    EXPECT_EQ(inspect({"--json", "--platform", "linux/s390x"}).json().at("kind"), "image");
    EXPECT_NE(inspect({"--platform", "linux/riscv64"}).status, 0);
}

TEST_F(InspectTest, ErrorsHaveTheirStatus) {
    const Outcome none = inspect({});
    EXPECT_EQ(none.status, 1) << none.err;
    EXPECT_TRUE(contains(none.err, "index.json")) << none.err;
    index({image("amd64", OrderedJson::object())});
    write(root_ / "blobs/sha256" / Digest::of(as_bytes(config_)).hex(), std::string(config_.size(), ' '));
    const Outcome corrupt = inspect({"--json"});
    EXPECT_EQ(corrupt.status, 3);
    EXPECT_EQ(corrupt.json().at("error").at("kind"), "digest_mismatch");
    EXPECT_EQ(corrupt.json().at("error").at("status"), 3);
    const std::string missing = "oci:" + (root_ / "\x1b[31mnone").string();
    const Outcome absent = osb_oci({"inspect", missing.c_str()});
    EXPECT_EQ(absent.status, 1);
    EXPECT_FALSE(has_control_bytes(absent.err));
}

TEST_F(InspectTest, InterruptionHasAStatusOfItsOwn) {
    index({image("amd64", OrderedJson::object())});
    for (const int number : {SIGINT, SIGTERM}) {
        set_interrupted(number);
        const Outcome outcome = inspect({"--json"});
        set_interrupted(0);
        EXPECT_EQ(outcome.status, 128 + number);
        EXPECT_EQ(outcome.json().at("error").at("kind"), "interrupted");
        EXPECT_EQ(outcome.json().at("error").at("status"), 128 + number);
    }
}

TEST_F(InspectTest, ColoursMarkErrorsOnRequest) {
    const std::string missing = "oci:" + (root_ / "none").string();
    const Setting terminal{.terminal = true, .environment = {{"TERM", "xterm"}}};
    EXPECT_TRUE(run_with({"inspect", missing.c_str()}, terminal)
                    .err.starts_with("\x1b[1;31mosb-oci: error: \x1b[0m"));
    EXPECT_FALSE(contains(run_with({"inspect", missing.c_str(), "--color", "never"}, terminal).err, "\x1b"));
    EXPECT_TRUE(contains(run_with({"inspect", missing.c_str(), "--color=always"}, {}).err, "\x1b[0m"));
}

TEST_F(InspectTest, LogSinkIsGivenBack) {
    index({image("amd64", OrderedJson::object())});
    inspect({});
    log_warning("goes nowhere, and above all not to a console that is gone");
}

TEST_F(InspectTest, MistypedImageMakesNoRepository) {
    const std::string repo = (root_ / "repo").string();
    const std::string missing = "oci:" + (root_ / "none").string();
    EXPECT_NE(osb_oci({"import", missing.c_str(), "--repo", repo.c_str()}).status, 0);
    EXPECT_FALSE(fs::exists(repo));
}

}  // namespace
}  // namespace osb::cli
