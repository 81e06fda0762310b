// A commit exported as an ordinary image: its documents, its layers by package, and the way back.
#include <set>

#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "ostree/export/export.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/export/run_config.hh"
#include "ostree/import/pull.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class PlainExportThreads : public ImportTest {
  protected:
    static TarBuilder system(const std::string& zlib) {
        TarBuilder out;
        out.file("bin/busybox", std::string(5000, 'b'), 0755).file("lib/libz.so", zlib);
        out.file("etc/conf", "c").file("etc/apk/world", "w").directory("root", 0700);
        out.directory("var", 0711).file("var/cache/misc", "m");
        return out.file(
            "lib/apk/db/installed",
            "P:busybox\nV:1\nF:bin\nR:busybox\nF:var/cache\nR:misc\n\nP:zlib\nV:1\nF:lib\nR:libz.so\n"
            "\nP:base\nF:etc\nR:conf\n\n");
    }

    ostree::ExportResult export_to(const std::string& layout, ostree::ExportOptions options) {
        options.format = ostree::ImageFormat::plain;
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const auto sink = oci::create_layout_sink(directory_ / layout, "v1");
        NoProgress progress;
        return ostree::export_commit(repository, "os/test", *sink, options, progress);
    }

    oci::Image image_in(const std::string& layout) {
        return oci::open_image(oci::open_layout(directory_ / layout, "v1"), std::nullopt);
    }

    static std::map<std::string, std::string> by_components(const ostree::ExportResult& result) {
        std::map<std::string, std::string> out;
        for (const oci::Descriptor& layer : result.layers) {
            const auto found = layer.annotations.find(ostree::kComponentsAnnotation);
            out[found == layer.annotations.end() ? "" : found->second] = layer.digest.to_string();
        }
        return out;
    }
};

TEST_F(PlainExportThreads, IsAnOrdinaryImage) {
    bootable({system("zlib 1")});
    export_to("image", {.labels = {{"k", "v"}}, .cmd = {"/bin/busybox", "sh"}});
    const oci::Image image = image_in("image");
    for (const auto& [key, value] : image.config.labels) EXPECT_FALSE(key.starts_with("ostree.")) << key;
    EXPECT_EQ(image.config.labels.at("k"), "v");
    EXPECT_NE(image.config.raw.find(R"("Cmd":["/bin/busybox","sh"])"), std::string::npos) << image.config.raw;
    ostree::Repository repository = ostree::Repository::open(repo_path());
    NoProgress progress;
    EXPECT_THROW(ostree::pull_image(repository, image, {}, progress), Error);
}

TEST_F(PlainExportThreads, IsImportedAsTheSameTreeInEveryCompression) {
    const Listing before = bootable({system("zlib 1")});
    for (const char* format : {"zstd:chunked", "zstd:3", "gzip:6", "none"}) {
        const std::string layout = std::string("image-") + format;
        export_to(layout, {.compression = oci::LayerFormat::parse(format), .max_layers = 3});
        import(image_in(layout), {.ref = ostree::RefName::parse("os/again")});
        EXPECT_EQ(list_commit(repo_path(), "os/again"), before) << format;
    }
}

TEST_F(PlainExportThreads, ALayerChangesOnlyWithItsPackages) {
    bootable({system("zlib 1")});
    const auto first = export_to("first", {.jobs = 1});
    EXPECT_EQ(export_to("again", {.jobs = 5}).manifest_digest, first.manifest_digest);
    const oci::Image previous = image_in("first");
    bootable({system("zlib 2, and longer than before")});
    const auto before = by_components(first);
    const auto after = by_components(export_to("second", {.previous = previous}));
    for (const char* name : {"busybox", "base", "zlib"}) ASSERT_TRUE(before.contains(name)) << name;
    ASSERT_EQ(after.size(), before.size());
    for (const auto& [components, digest] : after)
        EXPECT_EQ(before.at(components) == digest, components != "zlib") << components;
}

TEST(RunConfig, IsTakenFromTheImage) {
    const auto config = ostree::parse_run_config(
        R"({"config":{"Cmd":["a","b"],"Entrypoint":["e"],"Env":["PATH=/bin"],"WorkingDir":"/w","User":"1:2",
            "Labels":{"k":"v","ostree.commit":"x","containers.bootc":"1","n":1}}})");
    EXPECT_EQ(config.cmd, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config.entrypoint, std::vector<std::string>{"e"});
    EXPECT_EQ(config.environment, std::vector<std::string>{"PATH=/bin"});
    EXPECT_EQ(config.working_directory, "/w");
    EXPECT_EQ(config.user, "1:2");
    EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"k", "v"}}));
    for (const char* odd :
         {"{}", R"({"config":null})", R"({"config":{"Cmd":["a",1],"Env":"x","User":3}})", "[]"}) {
        EXPECT_TRUE(ostree::parse_run_config(odd).cmd.empty()) << odd;
        EXPECT_TRUE(ostree::parse_run_config(odd).user.empty()) << odd;
    }
    EXPECT_THROW(ostree::parse_run_config("{"), Error);
}

}  // namespace
}  // namespace osb::test
