#include "cli/verbs/completion.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/error.hh"
#include "cli/options/verb.hh"

namespace osb::cli {
namespace {

using Words = std::vector<std::string>;

// A repository and a sysroot, as the completion sees them.
struct World {
    std::map<std::string, Words> repositories{{"./ostree-repo", {"os/x86_64/main", "os/x86_64/next"}},
                                              {"other", {"other/ref"}},
                                              {"/home/me/repo", {"home/ref"}},
                                              {"env", {"env/ref"}}};
    std::map<std::string, std::string> environment{{"HOME", "/home/me"}};

    Completion complete(const Words& words) const {
        const CompletionSources sources{
            .refs = [this](const std::string& repo) { return repositories.at(repo); },
            .deployments = [](const std::string& sysroot) -> std::vector<Candidate> {
                if (sysroot != "/") return {{"9", "elsewhere"}};
                return {{"0", "version '1'"}, {"0123456789ab.0", "version '1'"}};
            },
            .environment =
                [this](const std::string& name) {
                    const auto found = environment.find(name);
                    return found == environment.end() ? std::string() : found->second;
                }};
        return cli::complete(words, sources);
    }
    Words texts(const Words& words) const {
        Words out;
        for (const Candidate& one : complete(words).candidates) out.push_back(one.text);
        return out;
    }
    bool offers(const Words& words, const std::string& text) const {
        const Words all = texts(words);
        return std::find(all.begin(), all.end(), text) != all.end();
    }
};

TEST(Completion, OfVerbs) {
    const World world;
    EXPECT_EQ(world.texts({"imp"}), (Words{"import"}));
    EXPECT_EQ(world.texts({"up"}), (Words{"upgrade"}));
    EXPECT_EQ(world.texts({"help", "roll"}), (Words{"rollback"}));
    EXPECT_EQ(world.texts({"--v"}), (Words{"--version"}));
    EXPECT_EQ(world.texts({""}).size(), verbs().size() + 1);  // and help
    EXPECT_FALSE(world.offers({""}, "complete"));
    EXPECT_FALSE(world.complete({"imp"}).candidates.front().description.empty());
    EXPECT_TRUE(world.texts({"frobnicate", ""}).empty());
    EXPECT_TRUE(world.texts({"help", "import", ""}).empty());
    EXPECT_TRUE(world.texts({}).empty());
}

TEST(Completion, OfOptions) {
    const World world;
    EXPECT_EQ(world.texts({"import", "--lay"}), (Words{"--layout"}));
    EXPECT_TRUE(world.offers({"import", "oci:x", "--"}, "--repo"));
    EXPECT_FALSE(world.offers({"status", "--"}, "--repo"));
    // What is there, or excluded by what is there, is not offered again; what may be repeated is.
    EXPECT_FALSE(world.offers({"import", "--layout", "plain", "--"}, "--layout"));
    EXPECT_FALSE(world.offers({"inspect", "--raw", "--"}, "--config"));
    EXPECT_TRUE(world.offers({"export", "--label", "a=b", "--"}, "--label"));
    // Where no argument is left, the options are all there is.
    EXPECT_TRUE(world.offers({"upgrade", ""}, "--check"));
    EXPECT_TRUE(world.texts({"upgrade", "--", ""}).empty());
    EXPECT_TRUE(world.texts({"import", "--", "--lay"}).empty());
}

TEST(Completion, OfValuesFromAList) {
    const World world;
    EXPECT_EQ(world.texts({"import", "--layout", ""}), (Words{"bootable", "plain"}));
    EXPECT_EQ(world.texts({"import", "--layout", "p"}), (Words{"plain"}));
    EXPECT_EQ(world.texts({"import", "--layout=p"}), (Words{"--layout=plain"}));
    EXPECT_EQ(world.texts({"export", "--compression", "zstd"}), (Words{"zstd:chunked", "zstd"}));
    EXPECT_EQ(world.texts({"import", "--tls-verify=f"}), (Words{"--tls-verify=false"}));
    // An optional value is not the next word.
    EXPECT_EQ(world.complete({"import", "--tls-verify", ""}).kind, CompletionKind::prefixes);
    EXPECT_TRUE(world.texts({"import", "--jobs", ""}).empty());
    EXPECT_TRUE(world.texts({"import", "--frob=", ""}).size() > 1);
    EXPECT_TRUE(world.texts({"import", "--frob="}).empty());
}

TEST(Completion, OfRefsInTheRepositoryThatIsGiven) {
    World world;
    EXPECT_EQ(world.texts({"export", ""}), (Words{"os/x86_64/main", "os/x86_64/next"}));
    EXPECT_EQ(world.texts({"export", "os/x86_64/m"}), (Words{"os/x86_64/main"}));
    EXPECT_EQ(world.texts({"export", "--repo", "other", ""}), (Words{"other/ref"}));
    EXPECT_EQ(world.texts({"export", "--repo=other", ""}), (Words{"other/ref"}));
    EXPECT_EQ(world.texts({"export", "--repo", "~/repo", ""}), (Words{"home/ref"}));
    EXPECT_EQ(world.texts({"import", "--repo", "other", "--ref=o"}), (Words{"--ref=other/ref"}));
    EXPECT_EQ(world.texts({"import", "--repo", "other", "--parent", ""}),
              (Words{"auto", "none", "other/ref"}));
    EXPECT_EQ(world.texts({"install-to-disk", "--repo", "other", ""}), (Words{"other/ref"}));
    world.environment["OSB_REPO"] = "env";
    EXPECT_EQ(world.texts({"push", ""}), (Words{"env/ref"}));
}

TEST(Completion, OfImagesAndPaths) {
    const World world;
    EXPECT_EQ(world.complete({"import", ""}).kind, CompletionKind::prefixes);
    EXPECT_EQ(world.texts({"import", "oci"}), (Words{"oci:", "oci-archive:"}));
    EXPECT_EQ(world.texts({"upgrade", "--from=oci-"}), (Words{"--from=oci-archive:"}));
    const Completion layout = world.complete({"import", "oci:bui"});
    EXPECT_EQ(layout.kind, CompletionKind::directories);
    EXPECT_EQ(layout.prefix, "oci:");
    EXPECT_EQ(world.texts({"import", "d"}),
              (Words{"dir:", "docker-archive:", "docker-daemon:", "docker://"}));
    EXPECT_EQ(world.complete({"import", "dir:x"}).kind, CompletionKind::directories);
    EXPECT_EQ(world.complete({"import", "tarball:x.tar:y"}).kind, CompletionKind::files);
    EXPECT_EQ(world.complete({"import", "tarball:x.tar:y"}).prefix, "tarball:x.tar:");
    const Completion archive = world.complete({"upgrade", "--from=oci-archive:x"});
    EXPECT_EQ(archive.kind, CompletionKind::files);
    EXPECT_EQ(archive.prefix, "--from=oci-archive:");
    EXPECT_EQ(world.complete({"install-to-disk", "oci:x", ""}).kind, CompletionKind::files);
    EXPECT_EQ(world.complete({"install-to-disk", "--config=c"}).prefix, "--config=");
    EXPECT_EQ(world.complete({"export", "--repo", ""}).kind, CompletionKind::directories);
    EXPECT_EQ(world.complete({"lint", "./r"}).kind, CompletionKind::directories);
    EXPECT_EQ(world.texts({"lint", "oci"}), (Words{"oci:", "oci-archive:"}));
    EXPECT_EQ(world.texts({"lint", "--skip", "kernel-"}), (Words{"kernel-format", "kernel-arguments"}));
    EXPECT_EQ(world.texts({"push", "ref", "f"}), (Words{"file:///"}));
    EXPECT_EQ(world.complete({"push", "ref", "file:///srv/"}).kind, CompletionKind::directories);
    EXPECT_EQ(world.complete({"push", "ref", "file:///srv/"}).prefix, "file://");
}

TEST(Completion, OfRepeatedArguments) {
    const World world;
    for (const std::vector<std::string>& words : {std::vector<std::string>{"union", "dir:"},
                                                  {"union", "a", "dir:"},
                                                  {"union", "a", "b", "c", "dir:"}}) {
        EXPECT_EQ(world.complete(words).kind, CompletionKind::directories);
    }
    EXPECT_EQ(world.complete({"union", "--repo", "other", "a", ""}).candidates.front().text, "other/ref");
}

TEST(Completion, OfDeployments) {
    const World world;
    EXPECT_EQ(world.texts({"pin", ""}), (Words{"booted", "rollback", "0", "0123456789ab.0"}));
    EXPECT_EQ(world.texts({"unpin", "--sysroot", "/mnt", "9"}), (Words{"9"}));
}

TEST(Completion, OfOperandsOfAnyKind) {
    const World world;
    EXPECT_EQ(world.texts({"diff", "b"}), (Words{"booted"}));
    EXPECT_EQ(world.texts({"diff", "booted", "0"}), (Words{"0", "0123456789ab.0"}));
    EXPECT_EQ(world.texts({"diff", "booted", "oci-"}), (Words{"oci-archive:"}));
    EXPECT_EQ(world.complete({"diff", "oci:x"}).kind, CompletionKind::directories);
    EXPECT_EQ(world.texts({"diff", "--etc", "oci"}), (Words{}));
}

TEST(CompletionText, SaysNothingWhereThatIsImpossible) {
    std::ostringstream out;
    Io io{.out = out, .err = out};
    const std::vector<const char*> lost{"export", "--repo", "/nonexistent", ""};
    EXPECT_EQ(completion_text(lost, io), "");
    const std::vector<const char*> verb{"imp"};
    EXPECT_EQ(completion_text(verb, io), "words\nimport\tImport a container image as an ostree commit\n");
    const std::vector<const char*> operand{"diff",   "--sysroot",    "/nonexistent",
                                           "--repo", "/nonexistent", "oci-"};
    EXPECT_EQ(completion_text(operand, io), "prefixes\noci-archive:\timage layout in an archive\n");
    const std::vector<const char*> path{"import", "oci:"};
    EXPECT_EQ(completion_text(path, io), "directories\toci:\n");
}

}  // namespace
}  // namespace osb::cli
