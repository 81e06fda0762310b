#include "oci/documents/manifest.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

Json good_manifest() {
    return {{"schemaVersion", 2},
            {"mediaType", kMediaTypeManifest},
            {"config", descriptor_json(kMediaTypeConfig, "{}")},
            {"layers", {descriptor_json(kMediaTypeLayerGzip, "a"), descriptor_json(kMediaTypeLayer, "b")}},
            {"annotations", {{"x", "y"}}}};
}

Manifest parsed_manifest(const Json& json, std::string_view media_type = "") {
    return Manifest::parse(json.dump(), media_type, HashAlgorithm::sha256);
}

Error refused_manifest(ErrorKind kind, const Json& json, std::string_view media_type = "") {
    return expect_error(kind, [&] { parsed_manifest(json, media_type); });
}

TEST(Manifest, Parses) {
    const Json json = good_manifest();
    const Manifest manifest = parsed_manifest(json, kMediaTypeManifest);
    EXPECT_EQ(manifest.media_type, kMediaTypeManifest);
    EXPECT_EQ(manifest.raw, json.dump());
    EXPECT_EQ(manifest.digest, Digest::of(as_bytes(json.dump())));
    EXPECT_EQ(manifest.config.size, 2U);
    ASSERT_EQ(manifest.layers.size(), 2U);
    EXPECT_EQ(manifest.layers[0].media_type, kMediaTypeLayerGzip);
    EXPECT_EQ(manifest.layers[1].digest, Digest::of(as_bytes("b")));
    EXPECT_EQ(manifest.annotations.at("x"), "y");
    EXPECT_EQ(Manifest::parse(json.dump(), "", HashAlgorithm::sha512).digest,
              Digest::of(as_bytes(json.dump()), HashAlgorithm::sha512));
}

TEST(Manifest, ParsesDockerSchema2) {
    Json json = good_manifest();
    json["mediaType"] = kMediaTypeDockerManifest;
    json["config"]["mediaType"] = kMediaTypeDockerConfig;
    EXPECT_EQ(parsed_manifest(json).media_type, kMediaTypeDockerManifest);
    EXPECT_EQ(parsed_manifest(json, concat(kMediaTypeDockerManifest, ";charset=utf-8")).media_type,
              kMediaTypeDockerManifest);
}

TEST(Manifest, MediaTypeMayBeLeftOut) {
    Json json = good_manifest();
    json.erase("mediaType");
    EXPECT_EQ(parsed_manifest(json).media_type, kMediaTypeManifest);
    EXPECT_EQ(parsed_manifest(json, kMediaTypeDockerManifest).media_type, kMediaTypeDockerManifest);
}

// Rows 70 and 71.
TEST(Manifest, RefusesConfusedDocuments) {
    Json both = good_manifest();
    both["manifests"] = Json::array();
    refused_manifest(ErrorKind::invalid, both);
    Json index = good_manifest();
    index.erase("config");
    index.erase("layers");
    index["manifests"] = Json::array();
    refused_manifest(ErrorKind::invalid, index);
    refused_manifest(ErrorKind::invalid, good_manifest(), kMediaTypeDockerManifest);
    Json labelled_index = good_manifest();
    labelled_index["mediaType"] = kMediaTypeIndex;
    refused_manifest(ErrorKind::invalid, labelled_index);
    Json number = good_manifest();
    number["mediaType"] = 7;
    refused_manifest(ErrorKind::invalid, number);
    refused_manifest(ErrorKind::invalid, Json::array());
    refused_manifest(ErrorKind::invalid, Json("x"));
}

TEST(Manifest, RefusesSchema1AndOtherVersions) {
    const Json schema1{{"schemaVersion", 1}, {"name", "x"}, {"fsLayers", Json::array()}};
    const Error error = refused_manifest(ErrorKind::unsupported, schema1);
    EXPECT_NE(error.message().find("schema 1"), std::string::npos);
    EXPECT_FALSE(error.hint().empty());
    for (const Json& version : {Json(3), Json("2"), Json(2.0), Json(-2), Json(nullptr), Json::object()}) {
        Json json = good_manifest();
        json["schemaVersion"] = version;
        refused_manifest(ErrorKind::invalid, json);
    }
    Json json = good_manifest();
    json.erase("schemaVersion");
    refused_manifest(ErrorKind::invalid, json);
}

TEST(Manifest, RefusesArtifacts) {
    for (const char* type :
         {"application/vnd.oci.empty.v1+json", "application/vnd.cncf.helm.config.v1+json"}) {
        Json by_config = good_manifest();
        by_config["config"]["mediaType"] = type;
        EXPECT_NE(refused_manifest(ErrorKind::unsupported, by_config).message().find("not an image"),
                  std::string::npos);
    }
    Json by_type = good_manifest();
    by_type["config"]["mediaType"] = "application/octet-stream";
    by_type["artifactType"] = "application/vnd.example+\x1b[2J";
    EXPECT_NE(refused_manifest(ErrorKind::unsupported, by_type).message().find("vnd.example"),
              std::string::npos);
}

// manifest.md lets an image say an artifactType; registries of 2015 knew one type for all blobs.
TEST(Manifest, TheConfigSaysWhatAnImageIs) {
    Json with_type = good_manifest();
    with_type["artifactType"] = "application/vnd.example";
    EXPECT_EQ(parsed_manifest(with_type).layers.size(), parsed_manifest(good_manifest()).layers.size());
    for (const char* type : {"application/octet-stream", "Application/Octet-Stream; x=y", "text/plain"}) {
        Json of_old = good_manifest();
        of_old["config"]["mediaType"] = type;
        EXPECT_EQ(parsed_manifest(of_old).config.media_type, type);
    }
}

TEST(Manifest, RefusesMissingAndMistypedMembers) {
    for (const char* key : {"config", "layers"}) {
        for (const Json& value : {Json(1), Json("x"), Json(true)}) {
            Json json = good_manifest();
            json[key] = value;
            refused_manifest(ErrorKind::invalid, json);
        }
    }
    Json config = good_manifest();
    config["config"] = nullptr;
    refused_manifest(ErrorKind::invalid, config);
    config.erase("config");
    refused_manifest(ErrorKind::invalid, config);
    Json element = good_manifest();
    element["layers"].push_back(3);
    EXPECT_NE(refused_manifest(ErrorKind::invalid, element).message().find("layer 3"), std::string::npos);
    Json annotations = good_manifest();
    annotations["annotations"]["z"] = 1;
    refused_manifest(ErrorKind::invalid, annotations);
    Json none = good_manifest();
    none["layers"] = Json::array();
    none["annotations"] = nullptr;
    EXPECT_TRUE(parsed_manifest(none).layers.empty());
    none["layers"] = nullptr;
    EXPECT_TRUE(parsed_manifest(none).layers.empty());
    none.erase("layers");
    EXPECT_TRUE(parsed_manifest(none).layers.empty());
}

// Row 74.
TEST(Manifest, RefusesBadSizes) {
    const std::string good = good_manifest().dump();
    const std::string size = "\"size\":2}";
    ASSERT_NE(good.find(size), std::string::npos);
    for (const char* bad : {"-1", "-0", "9223372036854775808", "18446744073709551615", "99999999999999999999",
                            "1e3", "2.0", "\"12\"", "null", "[]", "true"}) {
        SCOPED_TRACE(bad);
        std::string text = good;
        text.replace(text.find(size), size.size(), concat("\"size\":", bad, '}'));
        expect_error(ErrorKind::invalid, [&text] { Manifest::parse(text, "", HashAlgorithm::sha256); });
    }
    std::string text = good;
    text.replace(text.find(size), size.size(), "\"size\":9223372036854775807}");
    EXPECT_EQ(Manifest::parse(text, "", HashAlgorithm::sha256).config.size, 9223372036854775807U);
}

TEST(Manifest, RefusesBadDescriptors) {
    for (const char* key : {"mediaType", "digest", "size"}) {
        Json json = good_manifest();
        json["layers"][1].erase(key);
        const Error error = refused_manifest(ErrorKind::invalid, json);
        EXPECT_NE(error.message().find(key), std::string::npos) << error.message();
        EXPECT_NE(error.message().find("layer 2"), std::string::npos) << error.message();
    }
    Json path = good_manifest();
    path["layers"][0]["digest"] = "sha256:../../../etc/passwd";
    refused_manifest(ErrorKind::invalid, path);
    Json algorithm = good_manifest();
    algorithm["layers"][0]["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e";
    refused_manifest(ErrorKind::unsupported, algorithm);
    Json empty = good_manifest();
    empty["layers"][0]["mediaType"] = "";
    refused_manifest(ErrorKind::invalid, empty);
}

// Rows 82 and 83: noted, and otherwise without effect.
TEST(Manifest, UrlsAndDataAreNotFollowed) {
    Json json = good_manifest();
    json["layers"][0]["urls"] = Json::array({"http://169.254.169.254/"});
    json["layers"][1]["urls"] = Json::array();
    json["layers"][1]["data"] = "bm90IGl0";
    json["subject"] = 5;
    const Manifest manifest = parsed_manifest(json);
    EXPECT_TRUE(manifest.layers[0].has_urls);
    EXPECT_FALSE(manifest.layers[1].has_urls);
    json["layers"][0]["urls"] = "x";
    refused_manifest(ErrorKind::invalid, json);
}

// Row 79.
TEST(Manifest, BoundsSizeAndCounts) {
    Json json = good_manifest();
    json["annotations"]["x"] = std::string(5UL * 1024 * 1024, 'x');
    refused_manifest(ErrorKind::too_large, json);
    json["annotations"]["x"] = std::string(3UL * 1024 * 1024, 'x');
    EXPECT_NO_THROW(parsed_manifest(json));
    Json layers = good_manifest();
    layers["layers"] = std::vector<Json>(kMaxLayers, descriptor_json(kMediaTypeLayer, "a"));
    EXPECT_EQ(parsed_manifest(layers).layers.size(), kMaxLayers);
    layers["layers"].push_back(descriptor_json(kMediaTypeLayer, "a"));
    refused_manifest(ErrorKind::too_large, layers);
}

TEST(Manifest, EveryTruncationIsAnError) {
    const std::string good = good_manifest().dump();
    for (std::size_t length = 0; length < good.size(); ++length) {
        expect_error(ErrorKind::invalid,
                     [&] { Manifest::parse(good.substr(0, length), "", HashAlgorithm::sha256); });
    }
}

TEST(Index, Parses) {
    const Json entry =
        tagged(for_platform(descriptor_json(kMediaTypeManifest, "m"), "linux", "arm64", "v8"), "1");
    const Index index = Index::parse(LayoutBuilder::index_json({entry}).dump(), kMediaTypeIndex);
    ASSERT_EQ(index.manifests.size(), 1U);
    EXPECT_EQ(index.manifests[0].platform, Platform::parse("linux/arm64"));
    EXPECT_EQ(index.manifests[0].annotations.at("org.opencontainers.image.ref.name"), "1");
    EXPECT_TRUE(Index::parse(R"({"schemaVersion":2,"manifests":[]})", "").manifests.empty());
}

TEST(Index, RefusesBadDocuments) {
    const auto refuse = [](ErrorKind kind, const std::string& text, std::string_view type = "") {
        expect_error(kind, [&] { Index::parse(text, type); });
    };
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":[],"layers":[]})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":[],"config":{}})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"layers":[]})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":null})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":{}})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":[1]})");
    refuse(ErrorKind::invalid, R"({"schemaVersion":2,"manifests":[]})", kMediaTypeManifest);
    refuse(ErrorKind::invalid, LayoutBuilder::index_json({}).dump(), kMediaTypeDockerManifestList);
    Json platform = descriptor_json(kMediaTypeManifest, "m");
    platform["platform"] = "linux/amd64";
    refuse(ErrorKind::invalid, LayoutBuilder::index_json({platform}).dump());
    platform["platform"] = Json::object({{"os", 1}});
    refuse(ErrorKind::invalid, LayoutBuilder::index_json({platform}).dump());
    const std::vector<Json> many(kMaxIndexEntries + 1, descriptor_json(kMediaTypeManifest, "m"));
    refuse(ErrorKind::too_large, LayoutBuilder::index_json(many).dump());
}

TEST(SniffDocumentKind, Tells) {
    EXPECT_EQ(sniff_document_kind(good_manifest().dump()), DocumentKind::manifest);
    EXPECT_EQ(sniff_document_kind(R"({"schemaVersion":2,"layers":[]})"), DocumentKind::manifest);
    EXPECT_EQ(sniff_document_kind(R"({"schemaVersion":2,"manifests":[]})"), DocumentKind::index);
    expect_error(ErrorKind::invalid, [] { sniff_document_kind(R"({"schemaVersion":2})"); });
    expect_error(ErrorKind::invalid,
                 [] { sniff_document_kind(R"({"schemaVersion":2,"layers":[],"manifests":[]})"); });
    expect_error(ErrorKind::unsupported, [] { sniff_document_kind(R"({"schemaVersion":1,"fsLayers":[]})"); });
    expect_error(ErrorKind::unsupported,
                 [] { sniff_document_kind(R"({"schemaVersion":2,"mediaType":"text/x"})"); });
    expect_error(ErrorKind::invalid, [] { sniff_document_kind("<html>"); });
}

}  // namespace
}  // namespace osb::oci
