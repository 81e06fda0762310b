#include <gtest/gtest.h>

#include "oci/documents/manifest.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

Json good_config() {
    return Json::parse(LayoutBuilder::config("arm64", {"a", "b"}));
}

ImageConfig parsed_config(const Json& json) {
    return ImageConfig::parse(json.dump());
}

void refused_config(const Json& json, ErrorKind kind = ErrorKind::invalid) {
    expect_error(kind, [&] { parsed_config(json); });
}

TEST(ImageConfig, Parses) {
    Json json = good_config();
    json["variant"] = "v8";
    const ImageConfig config = parsed_config(json);
    EXPECT_EQ(config.platform, Platform::parse("linux/arm64"));
    EXPECT_EQ(config.created, 1714979289);
    EXPECT_EQ(config.labels.at("k"), "v");
    ASSERT_EQ(config.diff_ids.size(), 2U);
    EXPECT_EQ(config.diff_ids[1], Digest::of(as_bytes("b")));
    EXPECT_EQ(config.raw, json.dump());
}

TEST(ImageConfig, ToleratesWhatGoProgramsLeaveOut) {
    Json json = good_config();
    json["config"] = nullptr;
    json.erase("created");
    json["history"] = 3;
    EXPECT_FALSE(parsed_config(json).created.has_value());
    EXPECT_TRUE(parsed_config(json).labels.empty());
    json["config"] = Json::object({{"Labels", nullptr}});
    json["created"] = "yesterday";
    EXPECT_FALSE(parsed_config(json).created.has_value());
    json["created"] = 5;
    EXPECT_FALSE(parsed_config(json).created.has_value());
    json["rootfs"].erase("type");
    EXPECT_EQ(parsed_config(json).diff_ids.size(), parsed_config(good_config()).diff_ids.size());
    json["rootfs"]["diff_ids"] = nullptr;
    EXPECT_TRUE(parsed_config(json).diff_ids.empty());
}

// What Go programs build of nothing has them empty.
TEST(ImageConfig, PlatformMayBeUnknown) {
    for (const Json& value : {Json(), Json("")}) {
        Json json = good_config();
        json["os"] = json["architecture"] = value;
        EXPECT_EQ(parsed_config(json).platform, Platform{});
        EXPECT_EQ(parsed_config(json).platform.to_string(), "unnamed");
    }
    Json json = good_config();
    json.erase("os");
    json.erase("architecture");
    EXPECT_EQ(parsed_config(json).platform, Platform{});
}

TEST(ImageConfig, RefusesBadMembers) {
    for (const char* key : {"architecture", "os"}) {
        for (const Json& value :
             {Json(1), Json("a/b"), Json("../x"), Json("a\nb"), Json(std::string(100, 'a'))}) {
            Json json = good_config();
            json[key] = value;
            refused_config(json);
        }
    }
    for (const Json& value :
         {Json(), Json(1), Json::array(), Json::object({{"type", "x"}}), Json::object({{"type", 1}}),
          Json{{"type", "layers"}, {"diff_ids", "x"}}, Json{{"type", "layers"}, {"diff_ids", {1}}},
          Json{{"type", "layers"}, {"diff_ids", {"sha256:1"}}}}) {
        Json json = good_config();
        json["rootfs"] = value;
        refused_config(json);
    }
    Json config = good_config();
    config["config"] = "x";
    refused_config(config);
    config["config"] = Json::object();
    config["config"]["Labels"] = Json::object({{"a", 1}});
    refused_config(config);
    config["config"]["Labels"] = Json::array({1});
    refused_config(config);
    Json variant = good_config();
    variant["variant"] = "v/8";
    refused_config(variant);
    Json manifest = good_config();
    manifest["layers"] = Json::array();
    refused_config(manifest);
    Json unknown = good_config();
    unknown["rootfs"]["diff_ids"][0] = "blake3:00";
    refused_config(unknown, ErrorKind::unsupported);
    expect_error(ErrorKind::invalid, [] { ImageConfig::parse("[]"); });
    expect_error(ErrorKind::too_large, [] { ImageConfig::parse(std::string(kMaxDocument + 1, ' ')); });
}

TEST(ImageConfig, BoundsDiffIds) {
    Json json = good_config();
    json["rootfs"]["diff_ids"] = std::vector<std::string>(kMaxLayers + 1, Digest::of({}).to_string());
    refused_config(json, ErrorKind::too_large);
}

TEST(Rfc3339, Parses) {
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(parse_rfc3339("2000-02-29T12:34:56.789123456Z"), 951827696);
    EXPECT_EQ(parse_rfc3339("2024-01-01T00:00:00+01:30"), 1704061800);
    EXPECT_EQ(parse_rfc3339("2024-01-01t00:00:00-01:30"), 1704072600);
    EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59.9z"), -1);
    EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), -62135596800);
    EXPECT_EQ(parse_rfc3339("0000-01-01T00:00:00Z"), -62167219200);
    EXPECT_EQ(parse_rfc3339("9999-12-31T23:59:59Z"), 253402300799);
    EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), 1483228800);
}

TEST(Rfc3339, RefusesWhatIsNone) {
    for (const char* text : {"",
                             "2024",
                             "2024-01-01",
                             "2024-01-01T00:00:00",
                             "2024-13-01T00:00:00Z",
                             "2024-00-01T00:00:00Z",
                             "2023-02-29T00:00:00Z",
                             "2024-04-31T00:00:00Z",
                             "2024-01-01T24:00:00Z",
                             "2024-01-01T00:60:00Z",
                             "2024-01-01T00:00:61Z",
                             "2024-01-01T00:00:00.Z",
                             "2024-01-01T00:00:00.",
                             "2024-01-01T00:00:00ZZ",
                             "2024-01-01T00:00:00+24:00",
                             "2024-01-01T00:00:00+0100",
                             "+024-01-01T00:00:00Z",
                             "-024-01-01T00:00:00Z",
                             "12024-01-01T00:00:00Z",
                             "2024-1-01T00:00:00Z",
                             "0000-01-01T00:00:00+01:00",
                             "9999-12-31T23:59:59-01:00",
                             " 2024-01-01T00:00:00Z"}) {
        EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace osb::oci
