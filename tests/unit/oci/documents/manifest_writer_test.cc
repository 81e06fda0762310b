#include "oci/documents/manifest_writer.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

Digest digest_of(std::string_view text) {
    return Digest::of(as_bytes(text));
}

TEST(ManifestWriter, ConfigHasItsMembersInOneOrder) {
    ConfigFields fields;
    fields.platform = {.os = "linux", .architecture = "arm64", .variant = ""};
    fields.created = 1700000000;
    fields.cmd = {"/sbin/init", "-x"};
    fields.labels = {{"ostree.commit", "abc"}, {"containers.bootc", "1"}};
    fields.diff_ids = {digest_of("a")};
    fields.history = {{.created = 0, .created_by = "export \"x\"", .comment = "", .empty_layer = false},
                      {.created = std::nullopt, .created_by = "", .comment = "c", .empty_layer = true}};
    EXPECT_EQ(
        write_config(fields),
        R"({"created":"2023-11-14T22:13:20Z","architecture":"arm64","os":"linux","config":{"Cmd":["/sbin/init","-x"],)"
        R"("Labels":{"containers.bootc":"1","ostree.commit":"abc"}},"rootfs":{"type":"layers","diff_ids":[")" +
            digest_of("a").to_string() +
            R"("]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"export \"x\""},)"
            R"({"comment":"c","empty_layer":true}]})");
}

TEST(ManifestWriter, ConfigIsReadBack) {
    ConfigFields fields;
    fields.platform = {.os = "linux", .architecture = "arm", .variant = "v6"};
    fields.created = 5;
    fields.labels = {{"k", "v\n\xC3\xBC"}};
    fields.environment = {"PATH=/bin"};
    fields.entrypoint = {"e"};
    fields.working_directory = "/w";
    fields.user = "1000";
    for (const char* text : {"a", "b"}) fields.diff_ids.push_back(digest_of(text));
    const std::string raw = write_config(fields);
    const ImageConfig config = ImageConfig::parse(raw);
    EXPECT_EQ(config.platform, fields.platform);
    EXPECT_EQ(config.created, 5);
    EXPECT_EQ(config.labels, fields.labels);
    EXPECT_EQ(config.diff_ids, fields.diff_ids);
    const Json members = Json::parse(raw)["config"];
    EXPECT_EQ(members["Env"], Json({"PATH=/bin"}));
    EXPECT_EQ(members["Entrypoint"], Json({"e"}));
    EXPECT_EQ(members["WorkingDir"], "/w");
    EXPECT_EQ(members["User"], "1000");
}

TEST(ManifestWriter, ManifestIsReadBack) {
    Descriptor layer = describe(kMediaTypeLayerZstd, "layer");
    layer.annotations = {{"ostree.components", ""}, {"z", "y"}};
    const Descriptor config = describe(kMediaTypeConfig, "config");
    const std::string raw =
        write_manifest(config, {layer, describe(kMediaTypeLayerGzip, "other")}, {{"a", "b"}});
    const Manifest manifest = Manifest::parse(raw, kMediaTypeManifest, HashAlgorithm::sha256);
    EXPECT_EQ(manifest.config.digest, config.digest);
    EXPECT_EQ(manifest.config.size, 6U);
    ASSERT_EQ(manifest.layers.size(), 2U);
    EXPECT_EQ(manifest.layers[0].annotations, layer.annotations);
    EXPECT_EQ(manifest.layers[1].media_type, kMediaTypeLayerGzip);
    EXPECT_EQ(manifest.annotations, (std::map<std::string, std::string>{{"a", "b"}}));
    EXPECT_TRUE(raw.starts_with(
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)"));
}

TEST(ManifestWriter, RefusesWhatCannotBeWritten) {
    ConfigFields fields;
    expect_error(ErrorKind::internal, [&] { write_config(fields); });
    fields.platform = {.os = "linux", .architecture = "amd64", .variant = ""};
    fields.labels = {{"k", "\xFF"}};
    expect_error(ErrorKind::invalid, [&] { write_config(fields); });
    fields.labels = {{"\xC0\x80", "v"}};
    expect_error(ErrorKind::invalid, [&] { write_config(fields); });
    fields.labels = {{"k", std::string(kMaxDocument, 'v')}};
    expect_error(ErrorKind::too_large, [&] { write_config(fields); });
    expect_error(ErrorKind::invalid, [] { write_manifest(describe("m", "c"), {}, {{"k", "\xFF"}}); });
}

TEST(ManifestWriter, Times) {
    for (const std::int64_t seconds :
         {0L, 1L, -1L, 951782400L, 1709164800L, 253402300799L, -62167219200L, 86399L, 86400L}) {
        EXPECT_EQ(parse_rfc3339(format_rfc3339(seconds)), seconds) << format_rfc3339(seconds);
    }
    EXPECT_EQ(format_rfc3339(951782400), "2000-02-29T00:00:00Z");
    EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59Z");
    expect_error(ErrorKind::invalid, [] { format_rfc3339(253402300800); });
    expect_error(ErrorKind::invalid, [] { format_rfc3339(INT64_MIN); });
}

}  // namespace
}  // namespace osb::oci
