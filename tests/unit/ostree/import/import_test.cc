// What import promises besides the tree: sameness, history, reuse, checks, and clean failure.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/hash.hh"
#include "base/interrupt.hh"
#include "ostree/tree/commit_info.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

std::string pseudo_random(std::size_t size, unsigned seed) {
    std::string out(size, '\0');
    std::uint32_t state = seed * 2654435761U + 1;
    for (char& c : out) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    return out;
}

// An image with small files, a file of several pieces, and one just at the limit between the two ways.
std::vector<MemoryLayer> mixed_layers(oci::Compression compression) {
    TarBuilder lower;
    TarBuilder upper;
    for (int i = 0; i < 50; ++i)
        lower.file(concat("usr/lib/f", i), pseudo_random(100 + 37U * static_cast<unsigned>(i), 3));
    lower.file("usr/big", pseudo_random(3'500'000, 7)).file("usr/edge", std::string(1024UL * 1024, 'e'));
    lower.file("usr/zeros", std::string(2'000'000, '\0')).file("usr/empty", "");
    upper.file("usr/lib/f7", "new")
        .file("usr/edge1", std::string(1024UL * 1024 + 1, 'x'))
        .symlink("usr/l", "big");
    return {{lower.finish(), compression}, {upper.finish(), compression}};
}

class ImportThreads : public ImportTest {};

TEST_F(ImportThreads, SameImageSameCommitWithAnyJobs) {
    const MemoryImage image = make_image(mixed_layers(oci::Compression::gzip));
    std::optional<ostree::CommitId> commit;
    for (const unsigned jobs : {1U, 2U, 7U}) {
        fs::remove_all(repo_path());
        const ostree::ImportResult result = import(image.image, {.jobs = jobs});
        if (!commit) commit = result.commit;
        EXPECT_EQ(result.commit, commit) << jobs;
        EXPECT_EQ(verify_all_objects(repo_path()), result.objects_written + 3)
            << "three commits beside the objects";
    }
}

TEST_F(ImportThreads, EveryModeHoldsTheSameTree) {
    const bool root = ::geteuid() == 0;
    Listing archive;
    for (const auto mode : {ostree::RepoMode::archive, ostree::RepoMode::bare_user, ostree::RepoMode::bare}) {
        if (mode == ostree::RepoMode::bare && !root) continue;
        fs::remove_all(repo_path());
        ostree::Repository::create(repo_path(), mode);
        import(make_image(mixed_layers(oci::Compression::zstd)).image, {.layout = ostree::Layout::plain});
        verify_all_objects(repo_path());
        const Listing listing = list_commit(repo_path(), "os/test");
        if (archive.empty()) archive = listing;
        EXPECT_EQ(listing, archive) << ostree::to_string(mode);
        EXPECT_EQ(listing.at("/usr/big").content.size(), 3'500'000U);
        EXPECT_EQ(listing.at("/usr/zeros").content, std::string(2'000'000, '\0'));
    }
}

TEST_F(ImportThreads, BareUserOnlyHoldsTheCanonicalTree) {
    ostree::Repository::create(repo_path(), ostree::RepoMode::bare_user_only);
    TarMember su{.name = "su", .content = "x", .mode = 06755, .uid = 7, .gid = 8};
    const Listing tree =
        plain({TarBuilder().add(su).symlink("l", "su").directory("d", 01770).file("secret", "s", 0)});
    verify_all_objects(repo_path());
    EXPECT_EQ(tree.at("/su").mode, 0755U);
    EXPECT_EQ(tree.at("/su").uid, 0U);
    EXPECT_EQ(tree.at("/secret").mode, 0400U);
    EXPECT_EQ(content(tree, "/l"), "su");
}

TEST_F(ImportThreads, ConfiguredZlibLevelIsHonoured) {
    const MemoryImage image =
        make_image({{TarBuilder().file("a", std::string(500'000, 'a') + pseudo_random(1000, 1)).finish()}});
    import(image.image, {.layout = ostree::Layout::plain});
    const Listing expected = list_commit(repo_path(), "os/test");
    fs::remove_all(repo_path());
    ostree::Repository::open_or_create(repo_path());
    std::ofstream(repo_path() + "/config", std::ios::app) << "\n[archive]\nzlib-level=9\n";
    import(image.image, {.layout = ostree::Layout::plain});
    verify_all_objects(repo_path());
    EXPECT_EQ(list_commit(repo_path(), "os/test"), expected);
}

TEST_F(ImportThreads, CommitCarriesTheImage) {
    MemoryImageOptions options;
    options.labels = {{"org.opencontainers.image.version", "1.2.3"}};
    const MemoryImage image = make_image({{TarBuilder().file("a", "1").finish()}}, options);
    const auto result = import(image.image);
    EXPECT_EQ(result.version, "1.2.3");
    EXPECT_EQ(commit_string(repo_path(), "os/test", "version"), "1.2.3");
    EXPECT_EQ(commit_string(repo_path(), "os/test", "ostree.manifest-digest"),
              image.image.manifest.digest.to_string());
    const std::string manifest = commit_string(repo_path(), "os/test", "ostree.manifest");
    EXPECT_EQ(oci::Digest::of(as_bytes(manifest)), image.image.manifest.digest);
    EXPECT_EQ(commit_string(repo_path(), "os/test", "ostree.container.image-config"), image.image.config.raw);
}

// libostree writes the version into boot entries as it is.
TEST_F(ImportThreads, VersionsAreOneLine) {
    MemoryImageOptions options;
    options.labels["org.opencontainers.image.version"] = "1.0\noptions init=/bin/sh\n";
    const ostree::ImportResult result =
        import(make_image({{TarBuilder().file("f", "").finish()}}, options).image,
               {.layout = ostree::Layout::plain});
    EXPECT_EQ(result.version, "1.0?options init=/bin/sh");
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    EXPECT_EQ(ostree::read_commit_info(repository, result.commit).version, result.version);
}

// By it a machine knows whether the system is for it.
TEST_F(ImportThreads, CommitsSayForWhichMachineTheyAre) {
    MemoryImageOptions options;
    options.architecture = "arm64";
    const ostree::ImportResult result =
        import(make_image({{TarBuilder().file("f", "").finish()}}, options).image,
               {.layout = ostree::Layout::plain});
    const auto platform = ostree::read_commit_platform(ostree::Repository::open(repo_path()), result.commit);
    ASSERT_TRUE(platform);
    EXPECT_EQ(platform->to_string(), "linux/arm64");
}

TEST_F(ImportThreads, ParentsAndUnchangedImages) {
    const MemoryImage v1 = make_image({{TarBuilder().file("a", "1").finish()}});
    const MemoryImage v2 = make_image({{TarBuilder().file("a", "2").finish()}});
    const auto first = import(v1.image);
    EXPECT_EQ(first.parent, std::nullopt);
    const auto again = import(v1.image);
    EXPECT_TRUE(again.unchanged);
    EXPECT_EQ(again.commit, first.commit);
    const auto second = import(v2.image);
    EXPECT_EQ(second.parent, first.commit);
    const auto rootless = import(v2.image, {.parent = ostree::Parent::none});
    EXPECT_EQ(rootless.parent, std::nullopt);
    EXPECT_FALSE(rootless.unchanged);
    const auto chosen =
        import(v2.image, {.parent = ostree::Parent::commit, .parent_commit = concat(first.commit)});
    EXPECT_EQ(chosen.commit, second.commit);
    EXPECT_THROW(import(v1.image, {.parent = ostree::Parent::commit, .parent_commit = std::string(64, 'a')}),
                 Error);
    // The other layout is another tree.
    EXPECT_FALSE(import(v2.image, {.layout = ostree::Layout::plain}).unchanged);
}

TEST_F(ImportThreads, KnownLayersAreNotReadAgain) {
    auto layers = mixed_layers(oci::Compression::gzip);
    const MemoryImage first = make_image(layers);
    import(first.image);
    EXPECT_EQ(first.source->opened, 2U);
    const Listing before = list_commit(repo_path(), "os/test");

    // The same layers compressed anew, and one more: known by their diffIDs.
    for (MemoryLayer& layer : layers) layer.compression = oci::Compression::zstd;
    layers.push_back({TarBuilder().file("usr/added", "!").file("usr/lib/.wh.f3", "").finish()});
    const MemoryImage second = make_image(layers);
    const auto result = import(second.image);
    EXPECT_EQ(second.source->opened, 1U);
    EXPECT_EQ(result.layers_reused, 2U);
    Listing after = list_commit(repo_path(), "os/test");
    EXPECT_EQ(content(after, "/usr/added"), "!");
    EXPECT_EQ(type(after, "/usr/lib/f3"), '-');
    after.erase("/usr/added");
    after["/usr/lib/f3"] = before.at("/usr/lib/f3");
    EXPECT_EQ(after, before);

    // What is reused gives the very commit that reading gives.
    fs::remove_all(repo_path());
    EXPECT_EQ(import(second.image,
                     {.parent = ostree::Parent::commit, .parent_commit = concat(import(first.image).commit)})
                  .commit,
              result.commit);
}

TEST_F(ImportThreads, WarningsOfReusedLayersAreRepeated) {
    const std::vector<MemoryLayer> layers{{TarBuilder().fifo("pipe").file("a", "1").finish()}};
    import(make_image(layers).image);
    warnings_.clear();
    MemoryImageOptions options;
    options.labels = {{"changed", "yes"}};
    EXPECT_EQ(import(make_image(layers, options).image, {.layout = ostree::Layout::plain}).layers_reused, 1U);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("FIFO"), std::string::npos);
}

TEST_F(ImportThreads, LayersOfImagesThatAreGoneAreForgotten) {
    import(make_image({{TarBuilder().file("a", "1").finish()},
                       { TarBuilder().file("b", "1").finish() }})
               .image);
    ostree::Repository repository = ostree::Repository::open(repo_path());
    EXPECT_EQ(repository.refs("ostree/container/blob").size(),
              2U);  // uncompressed: digest and diffID are one
    import(make_image({{TarBuilder().file("a", "1").finish()},
                       { TarBuilder().file("b", "2").finish() }})
               .image);
    EXPECT_EQ(repository.refs("ostree/container/blob").size(), 2U);
    import(make_image({{
               TarBuilder().file("c", "1").finish()
           }}).image,
           {.ref = ostree::RefName::parse("os/other")});
    EXPECT_EQ(repository.refs("ostree/container/blob").size(), 3U);
}

TEST_F(ImportThreads, DamagedRepositoriesAreMended) {
    const std::vector<MemoryLayer> layers{
        {TarBuilder().file("usr/a", "unlikely content").file("usr/b", "other").finish()}};
    import(make_image(layers).image);
    const auto damage = [this] {
        // The first object of a file that is not small metadata of ours.
        for (const auto& entry : fs::recursive_directory_iterator(repo_path() + "/objects")) {
            if (entry.path().extension() == ".filez") fs::remove(entry.path());
        }
    };
    damage();
    MemoryImageOptions options;
    options.labels = {{"changed", "yes"}};
    const MemoryImage next = make_image(layers, options);
    EXPECT_EQ(import(next.image).layers_reused, 0U);
    EXPECT_EQ(content(list_commit(repo_path(), "os/test"), "/usr/a"), "unlikely content");

    // A commit that fsck found damaged is no reason to call the image present, and is whole afterwards.
    damage();
    ostree::Repository repository = ostree::Repository::open(repo_path());
    const ostree::CommitId commit = repository.resolve("os/test").value();
    std::ofstream(concat(repo_path(), "/state/", commit, ".commitpartial")) << "f";
    const auto mended = import(next.image, {.parent = ostree::Parent::none});
    EXPECT_FALSE(mended.unchanged);
    EXPECT_EQ(content(list_commit(repo_path(), "os/test"), "/usr/a"), "unlikely content");
}

TEST_F(ImportThreads, SubjectsAreUtf8) {
    const MemoryImage image = make_image({{TarBuilder().file("a", "1").finish()}});
    EXPECT_THROW(import(image.image, {.subject = "caf\xe9"}), Error);
    EXPECT_NO_THROW(import(image.image, {.subject = "caf\xc3\xa9"}));
}

TEST_F(ImportThreads, TheSameLayerTwiceIsReadOnce) {
    const std::string tar = TarBuilder().file("a", "1").finish();
    const MemoryImage image = make_image({{tar}, {TarBuilder().file(".wh.a", "").finish()}, {tar}});
    import(image.image, {.layout = ostree::Layout::plain});
    EXPECT_EQ(image.source->opened, 2U);
    EXPECT_EQ(content(list_commit(repo_path(), "os/test"), "/a"), "1");
}

// Only the first would be read, and podman shows the second.
TEST_F(ImportThreads, TheSecondOfTwoLayersWithOneDiffIdIsRead) {
    const std::string good = TarBuilder().file("a", "1").finish();
    const std::string evil = TarBuilder().file("a", "evil").finish();
    const MemoryLayer plain{good, oci::Compression::none};
    const MemoryLayer packed{good, oci::Compression::gzip};
    const MemoryLayer lying{evil, oci::Compression::gzip};
    const auto refused = [&](const std::vector<MemoryLayer>& layers) {
        MemoryImage image = make_image(layers);
        for (oci::Digest& diff_id : image.image.config.diff_ids) diff_id = oci::Digest::of(as_bytes(good));
        try {
            import(image.image);
            ADD_FAILURE() << "was imported";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::digest_mismatch) << error.message();
        }
    };
    refused({packed, lying});
    refused({lying, packed});
    const MemoryImage twice = make_image({packed, plain});
    import(twice.image);
    EXPECT_EQ(twice.source->opened, 2U);
    // Known now, each by its own blob; the third one is not.
    refused({packed, lying});
    refused({lying, packed, plain});
    const MemoryImage again = make_image({plain, packed, {TarBuilder().file("b", "2").finish()}});
    import(again.image);
    EXPECT_EQ(again.source->opened, 1U);
}

TEST_F(ImportThreads, Sha512Layers) {
    MemoryImageOptions options;
    options.layer_digests = HashAlgorithm::sha512;
    import(make_image({{ TarBuilder().file("a", "1").finish(), oci::Compression::gzip }}, options).image);
    EXPECT_EQ(content(list_commit(repo_path(), "os/test"), "/usr/etc"), "");
}

TEST_F(ImportThreads, EveryFlippedByteOfALayerIsRefused) {
    for (const auto compression : {oci::Compression::none, oci::Compression::gzip, oci::Compression::zstd}) {
        const MemoryImage image =
            make_image({{TarBuilder().file("usr/a", "content").symlink("usr/b", "a").finish(), compression}});
        std::string& blob = image.source->layer_blob(0);
        const std::size_t step = compression == oci::Compression::none ? 7 : 1;
        for (std::size_t i = 0; i < blob.size(); i += step) {
            blob[i] = static_cast<char>(blob[i] ^ 0x10);
            try {
                import(image.image);
                ADD_FAILURE() << "byte " << i;
            } catch (const Error& error) {
                EXPECT_EQ(exit_status(error.kind()), 3) << error.message();
            }
            blob[i] = static_cast<char>(blob[i] ^ 0x10);
        }
        EXPECT_NO_THROW(import(image.image));
        fs::remove_all(repo_path());
    }
}

TEST_F(ImportThreads, EveryTruncationOfALayerIsRefused) {
    const MemoryImage image =
        make_image({{TarBuilder().file("usr/a", "content").finish(), oci::Compression::gzip}});
    const std::string whole = image.source->layer_blob(0);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        image.source->layer_blob(0) = whole.substr(0, size);
        try {
            import(image.image);
            ADD_FAILURE() << size;
        } catch (const Error& error) {
            EXPECT_EQ(exit_status(error.kind()), 3) << error.message();
        }
    }
    image.source->layer_blob(0) = whole + "x";
    EXPECT_THROW(import(image.image), Error);
}

TEST_F(ImportThreads, ErrorsNameLayerAndEntryEscaped) {
    const std::string message =
        refusal({TarBuilder().file("ok", "1"), TarBuilder().hardlink("ev\x1b[31mil", "gone")});
    EXPECT_NE(message.find("layer 2 of 2 (sha256:"), std::string::npos) << message;
    EXPECT_NE(message.find("entry 'ev\\x1b[31mil'"), std::string::npos) << message;
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST_F(ImportThreads, InterruptionLeavesNoRefAndNoStagedObjects) {
    const MemoryImage image = make_image(mixed_layers(oci::Compression::gzip));
    set_interrupted(2);
    EXPECT_THROW(import(image.image), Interrupted);
    set_interrupted(0);
    for (const auto& entry : fs::directory_iterator(repo_path() + "/tmp")) {
        EXPECT_FALSE(entry.path().filename().string().starts_with("osb-import-")) << entry.path();
    }
    EXPECT_FALSE(import(image.image).unchanged);
}

TEST_F(ImportThreads, WhatAKilledImportLeftIsRemovedByTheNext) {
    ostree::Repository::open_or_create(repo_path());
    const std::string left = repo_path() + "/tmp/osb-import-0123456789abcdef";
    fs::create_directories(left + "/ab");
    std::ofstream(left + "/ab/half.filez") << "half";
    std::ofstream(left + "/stream-0") << "half";
    import(make_image({{ TarBuilder().file("a", "1").finish() }}).image);
    EXPECT_FALSE(fs::exists(left));
}

TEST_F(ImportThreads, UnlikelyRefsAreRefused) {
    const MemoryImage image = make_image({{TarBuilder().file("a", "1").finish()}});
    for (const char* ref : {"../evil", "a//b", "-x", "a b", "remote:os", "a^",
                            "ostree/container/blob/osb/mine", "2024", "deadbeef"}) {
        EXPECT_THROW(import(image.image, {.ref = ostree::RefName::parse(ref)}), Error) << ref;
    }
}

// libostree takes a ref of hexadecimal digits for the beginning of a checksum as soon as it is one.
TEST_F(ImportThreads, ARefOfHexadecimalDigitsIsNoChecksum) {
    const std::string first =
        concat(import(image_of({TarBuilder().file("a", "1")}).image, {.ref = ostree::RefName::parse("first")})
                   .commit);
    const std::string second = concat(
        import(image_of({TarBuilder().file("a", "2")}).image, {.ref = ostree::RefName::parse("second")})
            .commit);
    const std::string digits = first.substr(0, 7);
    std::ofstream(repo_path() + "/refs/heads/" + digits) << second << '\n';
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    EXPECT_EQ(repository.resolve(digits), second);
    EXPECT_EQ(repository.resolve(first.substr(0, 8)), first);
    EXPECT_EQ(repository.resolve(first), first);
    EXPECT_EQ(repository.resolve("0123abc"), std::nullopt);
}

// What clients of a collection ask of a commit; import's own without a collection stays as it was.
TEST_F(ImportThreads, ACollectionGetsItsBindings) {
    const MemoryImage image = image_of({TarBuilder().file("a", "1")});
    const ostree::CommitId unbound = import(image.image, {.ref = ostree::RefName::parse("os/a")}).commit;
    EXPECT_EQ(commit_string(repo_path(), unbound, "ostree.collection-binding"), "");
    std::ofstream(repo_path() + "/config", std::ios::app) << "\n[core]\ncollection-id=org.example.Os\n";
    const ostree::CommitId bound = import(image.image, {.ref = ostree::RefName::parse("os/a")}).commit;
    EXPECT_NE(bound, unbound) << "the image is there, but nobody could pull it";
    EXPECT_EQ(commit_string(repo_path(), bound, "ostree.collection-binding"), "org.example.Os");
    EXPECT_TRUE(import(image.image, {.ref = ostree::RefName::parse("os/a")}).unchanged);
    // Under another name it is another commit.
    const ostree::CommitId other = import(image.image, {.ref = ostree::RefName::parse("os/b")}).commit;
    EXPECT_NE(other, bound);
    EXPECT_EQ(list_commit(repo_path(), other), list_commit(repo_path(), bound));
}

}  // namespace
}  // namespace osb::test
