// Registries that serve hostile images, from the manifest to the last layer.
#include "base/log.hh"
#include "oci/codec/verified_source.hh"
#include "oci/transports/image.hh"
#include "registry/distribution/distribution_source.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class HostileRegistryTest : public RegistryTest {
  protected:
    static std::string hash(const std::string& text, HashAlgorithm algorithm = HashAlgorithm::sha256) {
        return oci::Digest::of(as_bytes(text), algorithm).to_string();
    }
    static std::string entry(std::string_view type, const std::string& digest, const std::string& size,
                             const std::string& more = "") {
        return concat(R"({"mediaType":")", type, R"(","digest":")", digest, R"(","size":)", size, more, "}");
    }
    static std::string layer_entry(const std::string& digest, const std::string& size,
                                   const std::string& more = "") {
        return entry(oci::kMediaTypeLayer, digest, size, more);
    }
    std::string good_layer(const std::string& more = "") const {
        return layer_entry(hash(layer), std::to_string(layer.size()), more);
    }
    std::string manifest(const std::string& layers, const std::string& more = "") const {
        return concat(R"({"schemaVersion":2,"mediaType":")", oci::kMediaTypeManifest, R"(","config":)",
                      entry(oci::kMediaTypeConfig, hash(config), std::to_string(config.size())),
                      R"(,"layers":[)", layers, "]", more, "}");
    }
    // Everything that can be read of the image, as an import does.
    void read_image(const std::string& raw, std::string_view type = oci::kMediaTypeManifest) {
        fake.add_blob(config);
        fake.add_blob(layer);
        fake.add_manifest("v1", raw, std::string(type));
        const oci::Image image = oci::open_image(source(":v1"), std::nullopt);
        for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
            oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, i);
            oci::VerifiedSource verified(std::move(blob.bytes), blob.digest, *blob.size);
            static_cast<void>(read_all(verified, 1UL << 20U, "layer"));
            verified.finish();
        }
    }
    std::shared_ptr<oci::ImageSource> source(const std::string& tag) {
        return open_distribution_source(oci::Reference::parse("docker://" + fake.host() + "/repo" + tag),
                                        {client()});
    }
    ErrorKind kind_of(const std::string& raw, std::string_view type = oci::kMediaTypeManifest) {
        return failure_of([&] { read_image(raw, type); }).first;
    }

    const std::string layer = pattern(20'000);
    std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" +
                         hash(layer) + "\"]}}";
};

TEST_F(HostileRegistryTest, TheImageThatTheOthersAreMadeOfIsRead) {
    EXPECT_NO_THROW(read_image(manifest(good_layer())));
    EXPECT_NO_THROW(read_image(manifest(good_layer(R"(,"data":"bm90IGl0","annotations":{"a":"b"})"))));
}

TEST_F(HostileRegistryTest, DocumentsOfTwoKinds) {
    for (const char* more : {R"(,"manifests":[])", R"(,"manifests":[{}])", R"(,"manifests":null)"}) {
        EXPECT_EQ(kind_of(manifest(good_layer(), more)), ErrorKind::invalid) << more;
    }
    const std::string index =
        concat(R"({"schemaVersion":2,"manifests":[],"layers":[],"mediaType":")", oci::kMediaTypeIndex, "\"}");
    EXPECT_EQ(kind_of(index, oci::kMediaTypeIndex), ErrorKind::invalid);
}

TEST_F(HostileRegistryTest, DigestsThatAreNoneReachNoUrl) {
    const std::string hex = hash(layer).substr(7);
    for (const std::string& digest :
         {std::string("sha256:../../../etc/passwd"), "sha256:" + hex.substr(1), "sha256:" + hex + "0",
          "SHA256:" + hex, hex, std::string("sha256:"), "sha256:" + std::string(64, 'A'),
          "sha256:" + hex.substr(2) + R"(\u0000\u0000)", std::string("md5:d41d8cd98f00b204e9800998ecf8427e"),
          "sha1:" + std::string(40, '0'), "blake3:" + hex, "sha256+b64u:" + hex, std::string()}) {
        const std::size_t before = fake.count("GET", "/blobs/");
        const ErrorKind kind = kind_of(manifest(layer_entry(digest, "20000")));
        EXPECT_TRUE(kind == ErrorKind::invalid || kind == ErrorKind::unsupported) << digest;
        EXPECT_EQ(fake.count("GET", "/blobs/"), before) << digest;
    }
}

TEST_F(HostileRegistryTest, SizesThatAreNone) {
    for (const char* size :
         {"-1", "9223372036854775808", "18446744073709551616", "1e3", "\"20000\"", "null", "20000.5"}) {
        EXPECT_EQ(kind_of(manifest(layer_entry(hash(layer), size))), ErrorKind::invalid) << size;
    }
    for (const char* size : {"0", "19999", "20001", "999999999999999"}) {
        EXPECT_EQ(kind_of(manifest(layer_entry(hash(layer), size))), ErrorKind::digest_mismatch) << size;
    }
    const std::string without =
        concat(R"({"mediaType":")", oci::kMediaTypeLayer, R"(","digest":")", hash(layer), "\"}");
    EXPECT_EQ(kind_of(manifest(without)), ErrorKind::invalid);
}

TEST_F(HostileRegistryTest, LayersThatAreLongerOrShorterThanTheySay) {
    for (const std::string& served : {layer + "x", layer.substr(1), std::string(), pattern(5'000'000)}) {
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            if (!r.path.ends_with(hash(layer))) return;
            response.body = served;
            response.chunked = true;  // without a length that says so first
        };
        const ErrorKind kind = kind_of(manifest(good_layer()));
        EXPECT_TRUE(kind == ErrorKind::digest_mismatch || kind == ErrorKind::unavailable) << served.size();
    }
}

TEST_F(HostileRegistryTest, ALengthBesideChunks) {
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (!r.path.ends_with(hash(layer))) return;
        response.chunked = true;
        response.headers.emplace_back("Content-Length", "7");
    };
    const ErrorKind kind = kind_of(manifest(good_layer()));
    EXPECT_TRUE(kind == ErrorKind::digest_mismatch || kind == ErrorKind::unavailable);
}

TEST_F(HostileRegistryTest, ConfigsThatDoNotFitTheLayers) {
    const std::string good = config;
    const std::string id = '"' + hash(layer) + '"';
    for (const std::string& ids :
         {std::string(), id + "," + id, std::string("7"), std::string("\"sha256:x\"")}) {
        config =
            R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
        EXPECT_EQ(kind_of(manifest(good_layer())), ErrorKind::invalid) << ids;
    }
    config = good;
}

TEST_F(HostileRegistryTest, JsonThatIsAnAttack) {
    const std::string nested = std::string(1'000'000, '[') + std::string(1'000'000, ']');
    for (const std::string& more :
         {",\"a\":" + nested, ",\"a\":" + std::string(1'000'000, '9'), std::string(",\"schemaVersion\":2"),
          std::string(",\"a\":\"\xff\""), std::string(R"(,"a":"\ud800")"), std::string(",\"a\":NaN")}) {
        const ErrorKind kind = kind_of(manifest(good_layer(), more));
        EXPECT_EQ(kind, ErrorKind::invalid) << more.substr(0, 40);
    }
    EXPECT_EQ(kind_of("\xef\xbb\xbf" + manifest(good_layer())), ErrorKind::invalid);
    EXPECT_EQ(kind_of(manifest(good_layer()) + "{}"), ErrorKind::invalid);
}

TEST_F(HostileRegistryTest, UrlsOfLayersAreNeverFetched) {
    test::FakeRegistry other;
    const std::string urls = concat(R"(,"urls":[")", other.url(), R"(/layer","file:///etc/shadow"])");
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        return r.path.ends_with(hash(layer)) ? std::optional(FakeResponse{.status = 404}) : std::nullopt;
    };
    for (const std::string_view type :
         {oci::kMediaTypeLayer, std::string_view("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
          std::string_view("application/vnd.oci.image.layer.nondistributable.v1.tar")}) {
        EXPECT_NE(kind_of(manifest(entry(type, hash(layer), "20000", urls))), ErrorKind::internal) << type;
    }
    EXPECT_TRUE(other.requests().empty());
}

TEST_F(HostileRegistryTest, DocumentsWithoutEnd) {
    const std::string huge = "1073741824";
    for (const std::string& part : {std::string("/manifests/"), hash(config)}) {
        for (const bool says_so : {true, false}) {
            fake.after = [&](const FakeRequest& r, FakeResponse& response) {
                if (r.path.find(part) == std::string::npos) return;
                response.body = std::string(5UL << 20U, ' ');
                response.chunked = !says_so;
                if (says_so) response.length = huge;
            };
            const ErrorKind kind = kind_of(manifest(good_layer()));
            EXPECT_TRUE(kind == ErrorKind::too_large || kind == ErrorKind::digest_mismatch) << part;
        }
    }
    fake.after = nullptr;
    const std::string raw =
        manifest(good_layer(), ",\"annotations\":{\"a\":\"" + std::string(4'100'000, 'x') + "\"}");
    EXPECT_LT(raw.size(), 4UL << 20U);
    EXPECT_NO_THROW(read_image(raw));  // what may be that large is taken
}

TEST_F(HostileRegistryTest, TheDigestThatCountsIsComputed) {
    const std::string raw = manifest(good_layer());
    read_image(raw);
    fake.after = [](const FakeRequest&, FakeResponse& response) {
        for (auto& [name, value] : response.headers) {
            if (name == "Docker-Content-Digest") value = "sha256:" + std::string(64, '0');
        }
    };
    EXPECT_EQ(oci::open_image(source(":v1"), std::nullopt).manifest.digest.to_string(), hash(raw));
    EXPECT_NO_THROW(oci::open_image(source("@" + hash(raw)), std::nullopt));
    // What is served for a digest is not what has it, whatever the header says.
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (r.path.find("/manifests/") != std::string::npos)
            response.body = manifest(good_layer(), ",\"x\":1");
    };
    EXPECT_EQ(failure_of([&] { oci::open_image(source("@" + hash(raw)), std::nullopt); }).first,
              ErrorKind::digest_mismatch);
}

TEST_F(HostileRegistryTest, ARangeThatIsNotThereAnyMore) {
    int count = 0;
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (!r.path.ends_with(hash(layer))) return;
        if (++count == 1) {
            response.cut_after = 1000;
        } else {
            response = {.status = 416};
        }
    };
    EXPECT_EQ(kind_of(manifest(good_layer())), ErrorKind::digest_mismatch);
}

TEST_F(HostileRegistryTest, NothingIsSaidOfWhereWeComeFrom) {
    read_image(manifest(good_layer()));
    for (const FakeRequest& r : fake.requests()) {
        for (const char* name : {"referer", "cookie", "authorization", "origin", "from"}) {
            EXPECT_EQ(r.header(name), "") << r.target;
        }
    }
}

TEST_F(HostileRegistryTest, BytesOfTerminalsInTagsErrorsAndWarnings) {
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path == "/v2/") return std::nullopt;
        return FakeResponse{
            .status = 404,
            .headers = {{"Warning", "299 - \"\x1b]52;c;x\x07\""}, {"Link", "<\x1b[2J>; rel=next"}},
            .body = "{\"errors\":[{\"code\":\"\\u001b[2J\",\"message\":\"\\u0007\\u202e\"}]}"};
    };
    std::string logged;
    set_log_sink([&](LogLevel, const std::string& line) { logged += line; });
    const auto [kind, message] = failure_of([&] { source(":v1")->root(); });
    set_log_sink({});
    EXPECT_EQ(kind, ErrorKind::not_found);
    for (const std::string& text : {message, logged}) {
        EXPECT_EQ(text.find('\x1b'), std::string::npos);
        EXPECT_EQ(text.find('\x07'), std::string::npos);
        EXPECT_EQ(text.find("\u202e"), std::string::npos);
    }
    EXPECT_NE(logged.find("\\x1b]52"), std::string::npos) << logged;
}

}  // namespace
}  // namespace osb::registry
