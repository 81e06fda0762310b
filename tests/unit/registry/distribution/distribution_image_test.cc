// Whole images, from and to registries: source, sink and the configuration that joins them.
#include <atomic>
#include <thread>
#include <vector>

#include "oci/codec/verified_source.hh"
#include "oci/transports/image.hh"
#include "registry/distribution/registry_access.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class DistributionImageThreads : public RegistryTest {
  protected:
    RegistryAccess access(const std::string& conf = "",
                          std::optional<Credentials> credentials = std::nullopt) {
        RegistriesConf registries;
        registries.add(conf, "registries.conf");
        RegistryOptions given;
        given.tls_verify = false;
        given.credentials = std::move(credentials);
        given.limits = quick_limits();
        given.retry.first_delay = std::chrono::milliseconds(1);
        return {given, {}, registries, {}};
    }
    oci::Reference reference(const std::string& tag, const std::string& host = "") {
        return oci::Reference::parse("docker://" + (host.empty() ? fake.host() : host) + "/repo" + tag);
    }
    oci::Descriptor config() const { return descriptor(kConfig); }
    oci::Descriptor layer() const { return descriptor(content); }
    std::string manifest() const {
        const auto json = [](const oci::Descriptor& d, std::string_view type) {
            return concat(R"({"mediaType":")", type, R"(","digest":")", d.digest.to_string(), R"(","size":)",
                          d.size, "}");
        };
        return concat(R"({"schemaVersion":2,"mediaType":")", oci::kMediaTypeManifest, R"(","config":)",
                      json(config(), oci::kMediaTypeConfig), R"(,"layers":[)",
                      json(layer(), oci::kMediaTypeLayer), "]}");
    }
    void put(const RegistryAccess& to, const std::string& tag) {
        const auto sink = to.open_sink(reference(tag), {.chunk_size = 1000});
        for (const std::string& blob : {content, kConfig}) {
            if (sink->has_blob(descriptor(blob))) continue;
            const auto upload = sink->start_blob(blob.size());
            upload->write(as_bytes(blob));
            upload->finish(oci::Digest::of(as_bytes(blob)));
        }
        sink->put_manifest(manifest(), oci::kMediaTypeManifest);
    }
    void fill(test::FakeRegistry& registry) {
        registry.add_blob(content);
        registry.add_blob(kConfig);
        registry.add_manifest("v1", manifest(), std::string(oci::kMediaTypeManifest));
    }
    std::string read_layer(oci::ImageSource& source) {
        const oci::Document root = source.root();
        EXPECT_EQ(root.raw, manifest());
        oci::VerifiedSource blob(source.open_blob(layer()), layer().digest, layer().size);
        std::string out = read_all(blob, 1UL << 20U, "layer");
        blob.finish();
        return out;
    }

    const std::string content = pattern(4500);
    const std::string kConfig = "{}";
};

TEST_F(DistributionImageThreads, WhatWasPutIsReadAgain) {
    put(access(), ":v1");
    EXPECT_EQ(read_layer(*access().open_source(reference(":v1"))), content);
    const oci::Digest digest = oci::Digest::of(as_bytes(manifest()));
    const auto by_digest = access().open_source(reference("@" + digest.to_string()));
    EXPECT_EQ(by_digest->root().expected, digest);
    // A document is read where documents are.
    const auto document =
        by_digest->open_blob({.media_type = std::string(oci::kMediaTypeManifest), .digest = digest});
    EXPECT_EQ(read_all(*document, 10'000, "manifest"), manifest());
}

TEST_F(DistributionImageThreads, ASecondPutSendsNoBlobAndTheManifestComesLast) {
    put(access(), ":v1");
    EXPECT_EQ(fake.requests().back().path, "/v2/repo/manifests/v1");
    const std::size_t uploads = fake.count("POST", "/uploads/");
    put(access(), ":v2");
    EXPECT_EQ(fake.count("POST", "/uploads/"), uploads);
    EXPECT_TRUE(fake.manifest("v2"));
}

TEST_F(DistributionImageThreads, OneRangeIsAskedOfARegistryWithoutRanges) {
    fill(fake);
    fake.ranges = false;
    const auto source = access().open_source(reference(":v1"));
    std::atomic<unsigned> refused = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] {
            try {
                source->open_range(layer(), 100 * i, 50);
            } catch (const Error& error) {
                refused += error.code() == "no_ranges" ? 1U : 0U;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused, 6U);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
    EXPECT_EQ(read_layer(*source), content);
}

TEST_F(DistributionImageThreads, NoTagMeansLatest) {
    put(access(), "");
    EXPECT_TRUE(fake.manifest("latest"));
    EXPECT_EQ(read_layer(*access().open_source(reference(""))), content);
}

TEST_F(DistributionImageThreads, AnImageThatIsNotTheDigestIsNotPut) {
    const auto sink = access().open_sink(reference("@sha256:" + std::string(64, '0')));
    EXPECT_EQ(failure_of([&] { sink->put_manifest(manifest(), oci::kMediaTypeManifest); }).first,
              ErrorKind::digest_mismatch);
}

TEST_F(DistributionImageThreads, ABlobOfAnotherSizeIsNotThere) {
    fake.add_blob(content);
    oci::Descriptor wrong = layer();
    ++wrong.size;
    EXPECT_FALSE(access().open_sink(reference(":v1"))->has_blob(wrong));
    EXPECT_TRUE(access().open_sink(reference(":v1"))->has_blob(layer()));
}

TEST_F(DistributionImageThreads, BlobsAreMounted) {
    fake.add_blob(content, "other/repo");
    const auto sink = access().open_sink(reference(":v1"), {.mount_from = {"none", "other/repo"}});
    EXPECT_TRUE(sink->has_blob(layer()));
    EXPECT_FALSE(sink->has_blob(config()));
    EXPECT_EQ(fake.open_uploads(), 0U);
}

TEST_F(DistributionImageThreads, MirrorsAreAskedFirstAndFailOver) {
    test::FakeRegistry mirror;
    fill(fake);
    const std::string conf = "[[registry]]\nlocation=\"" + fake.host() +
                             "\"\n[[registry.mirror]]\nlocation=\"" + mirror.host() + "\"\n";
    EXPECT_EQ(read_layer(*access(conf).open_source(reference(":v1"))), content);  // which the mirror has not
    fill(mirror);
    const std::size_t before = fake.requests().size();
    EXPECT_EQ(read_layer(*access(conf).open_source(reference(":v1"))), content);
    EXPECT_EQ(fake.requests().size(), before);
    // The mirror loses its blobs after the manifest was read.
    mirror.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path.find("/blobs/") == std::string::npos) return std::nullopt;
        return FakeResponse{.status = 404};
    };
    EXPECT_EQ(read_layer(*access(conf).open_source(reference(":v1"))), content);
    put(access(conf), ":v9");
    EXPECT_FALSE(mirror.manifest("v9"));
}

TEST_F(DistributionImageThreads, AMirrorHidesNoReferrers) {
    test::FakeRegistry mirror;
    const std::string conf = "[[registry]]\nlocation=\"" + fake.host() +
                             "\"\n[[registry.mirror]]\nlocation=\"" + mirror.host() + "\"\n";
    const oci::Digest subject = oci::Digest::of(as_bytes(manifest()));
    const auto add = [&subject](test::FakeRegistry& registry, const std::string& type) {
        registry.add_manifest("",
                              concat(R"({"schemaVersion":2,"artifactType":")", type,
                                     R"(","subject":{"digest":")", subject.to_string(), "\"}}"),
                              std::string(oci::kMediaTypeManifest));
    };
    const auto found = [&] {
        fill(fake);
        fill(mirror);
        const auto source = access(conf).open_source(reference(":v1"));
        std::string out;
        for (const oci::Descriptor& entry : source->referrers(subject, ""))
            out += (out.empty() ? "" : " ") + entry.artifact_type;
        // The image itself still comes from the mirror.
        const std::size_t before = fake.requests().size();
        EXPECT_EQ(read_layer(*source), content);
        EXPECT_EQ(fake.requests().size(), before);
        return out;
    };
    EXPECT_EQ(found(), "");
    add(fake, "a/registry");
    EXPECT_EQ(found(), "a/registry");
    add(mirror, "a/mirror");
    EXPECT_EQ(found(), "a/mirror a/registry");
    add(mirror, "a/registry");
    add(fake, "a/mirror");
    EXPECT_EQ(found().size(), std::string("a/mirror a/registry").size());
    // Either may fail. The registry is then asked once.
    const auto fails = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        return FakeResponse{.status = 500};
    };
    mirror.before = fails;
    EXPECT_EQ(found().size(), std::string("a/mirror a/registry").size());
    mirror.before = nullptr;
    fake.before = fails;
    const std::size_t before = fake.count("GET", "/referrers/");
    EXPECT_EQ(found().size(), std::string("a/mirror a/registry").size());
    EXPECT_EQ(fake.count("GET", "/referrers/"), before + 1);
    mirror.before = fails;
    EXPECT_EQ(failure_of([&] { found(); }).first, ErrorKind::unavailable);
    mirror.stop();
}

TEST_F(DistributionImageThreads, TheRegistrysCredentialsAreNotShownToAMirror) {
    test::FakeRegistry mirror;
    fill(fake);
    fake.basic_user = "user:secret";
    mirror.basic_user = "user:secret";
    fill(mirror);
    const std::string conf = "[[registry]]\nlocation=\"" + fake.host() +
                             "\"\n[[registry.mirror]]\nlocation=\"" + mirror.host() + "\"\n";
    const Credentials user{.user = "user", .password = "secret", .identity_token = {}};
    EXPECT_EQ(read_layer(*access(conf, user).open_source(reference(":v1"))), content);
    for (const FakeRequest& r : mirror.requests()) EXPECT_EQ(r.header("authorization"), "");
}

TEST_F(DistributionImageThreads, AMirrorIsToldWhomItStandsInFor) {
    test::FakeRegistry mirror;
    fill(mirror);
    const std::string conf = "[[registry]]\nprefix=\"upstream.example\"\nlocation=\"" + fake.host() +
                             "\"\n[[registry.mirror]]\nlocation=\"" + mirror.host() + "\"\n";
    EXPECT_EQ(read_layer(*access(conf).open_source(reference(":v1", "upstream.example"))), content);
    for (const FakeRequest& r : mirror.requests()) {
        if (r.path != "/v2/") {
            EXPECT_EQ(r.param("ns"), "upstream.example") << r.target;
        }
    }
    fill(fake);
    read_layer(*access().open_source(reference(":v1")));
    put(access(), ":v2");
    for (const FakeRequest& r : fake.requests()) EXPECT_EQ(r.param("ns"), "") << r.target;
}

TEST_F(DistributionImageThreads, AMissingTagNamesThoseThereAre) {
    const auto hint = [&](const std::string& tag) {
        return failure_of([&] { access().open_source(reference(tag))->root(); }).second;
    };
    EXPECT_EQ(hint(":none").find("available"), std::string::npos) << hint(":none");
    for (int i = 0; i < 10; ++i) {
        fake.add_manifest("t" + std::to_string(i), manifest(), std::string(oci::kMediaTypeManifest));
    }
    EXPECT_TRUE(hint(":none").ends_with("available: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9"))
        << hint(":none");
    fake.add_manifest("u", manifest(), std::string(oci::kMediaTypeManifest));
    EXPECT_TRUE(hint(":none").ends_with("t9, ...")) << hint(":none");
    // A list that cannot be had is no other error.
    for (const FakeResponse& response :
         {FakeResponse{.status = 500}, FakeResponse{.body = "{"}, FakeResponse{.drop = true}}) {
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            return r.path.ends_with("/tags/list") ? std::optional(response) : std::nullopt;
        };
        EXPECT_EQ(failure_of([&] { access().open_source(reference(":none"))->root(); }).first,
                  ErrorKind::not_found);
    }
}

TEST_F(DistributionImageThreads, AContentTypeThatIsNotTheDocumentsOwn) {
    fill(fake);
    fake.after = [](const FakeRequest& r, FakeResponse& response) {
        if (r.path.find("/manifests/") == std::string::npos) return;
        response.headers = {{"Content-Type", std::string(oci::kMediaTypeDockerManifest)}};
    };
    const auto open = [&](const std::string& tag) {
        return oci::open_image(access().open_source(reference(tag)), std::nullopt);
    };
    EXPECT_EQ(failure_of([&] { open(":v1"); }).first, ErrorKind::invalid);
    // With a digest there is no doubt about what is meant.
    const std::string by_digest = "@" + oci::Digest::of(as_bytes(manifest())).to_string();
    EXPECT_EQ(access().open_source(reference(by_digest))->root().media_type, oci::kMediaTypeManifest);
}

TEST_F(DistributionImageThreads, PlainHttpIsSpokenOnlyWhereTheUserSaysSo) {
    fill(fake);
    RegistryOptions given;
    given.limits = quick_limits();
    given.retry.max_tries = 1;
    // What a session is told of a registry that is not on this machine.
    Session::Options elsewhere = options();
    elsewhere.insecure = false;
    EXPECT_EQ(failure_of([&] { client(elsewhere)->get_manifest("v1"); }).first, ErrorKind::unavailable);
    EXPECT_TRUE(fake.requests().empty());
    const RegistryAccess plain(given, {}, {}, {});
    EXPECT_EQ(read_layer(*plain.open_source(reference(":v1"))), content);  // it is on this machine
    RegistriesConf conf;
    conf.add("[[registry]]\nlocation=\"" + fake.host() + "\"\ninsecure=true\n", "registries.conf");
    const RegistryAccess configured(given, {}, conf, {});
    EXPECT_EQ(read_layer(*configured.open_source(reference(":v1"))), content);
    given.tls_verify = true;  // says the user, whatever the file says
    const RegistryAccess strict(given, {}, conf, {});
    EXPECT_EQ(failure_of([&] { strict.open_source(reference(":v1"))->root(); }).first,
              ErrorKind::unavailable);
}

}  // namespace
}  // namespace osb::registry
