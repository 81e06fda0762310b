// ostree-ext's own fixture: its images are taken as what they are, and what we write of its commit has the
// properties that its tests demand.
#include "tests/support/golden_commit.hh"

#include <algorithm>
#include <optional>

#include "ostree/export/encapsulated_tar.hh"
#include "ostree/import/pull.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/string_sink.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class GoldenCommitTest : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        golden_ = make_golden_repository(source());
    }

    std::string source() const { return directory_ / "golden"; }
    std::string object_file(const std::string& repository, const std::string& checksum,
                            const std::string& suffix) const {
        return repository + "/objects/" + checksum.substr(0, 2) + '/' + checksum.substr(2) + suffix;
    }

    static std::string slurp(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        EXPECT_TRUE(in) << path;
        return {std::istreambuf_iterator<char>(in), {}};
    }

    void pull(const std::vector<std::string>& layers, const std::string& target) {
        std::vector<MemoryLayer> of;
        for (const std::string& layer : layers) of.push_back({layer, oci::Compression::gzip});
        MemoryImageOptions options;
        options.labels = {{"ostree.commit", golden_.first},
                          {"ostree.final-diffid", oci::Digest::of(as_bytes(layers.back())).to_string()},
                          {"ostree.bootable", "true"},
                          {"containers.bootc", "1"}};
        make_quick(target);
        ostree::Repository repository = ostree::Repository::open(target);
        NoProgress progress;
        EXPECT_EQ(ostree::pull_image(repository, make_image(of, options).image,
                                     {.ref = ostree::RefName::parse("golden")}, progress)
                      .commit,
                  golden_.first);
    }

    GoldenCommits golden_;
};

TEST_F(GoldenCommitTest, IsTheOneThatIsPublished) {
    EXPECT_EQ(golden_.content_checksum, kGoldenContentChecksum);
    EXPECT_EQ(golden_.second, kGoldenSecondCommit);
    EXPECT_TRUE(std::filesystem::exists(object_file(source(), kGoldenArping, ".filez")));
    verify_all_objects(source());
}

TEST_F(GoldenCommitTest, EveryFormOfItsImagesIsPulled) {
    const std::string detached = slurp(object_file(source(), golden_.first, ".commitmeta"));
    EXPECT_NE(detached.find("my-detached-value"), std::string::npos);
    for (const GoldenForm form : {GoldenForm::inlined, GoldenForm::linked, GoldenForm::v0}) {
        const std::string target = directory_ / ("target" + std::to_string(static_cast<int>(form)));
        pull(golden_layers(source(), golden_.first, form), target);
        EXPECT_EQ(list_commit(target, "golden"), list_commit(source(), golden_.first));
        EXPECT_EQ(slurp(object_file(target, golden_.first, ".commitmeta")), detached);
        EXPECT_TRUE(std::filesystem::exists(object_file(target, kGoldenArping, ".filez")));
        verify_all_objects(target);
    }
}

TEST_F(GoldenCommitTest, WhatWeWriteOfItIsAsUpstreamTestsIt) {
    const ostree::Repository repository = ostree::Repository::open(source());
    const ostree::CommitWalk walk = ostree::walk_commit(repository, ostree::CommitId::parse(golden_.first));
    StringSink sink;
    oci::TarWriter tar(sink);
    ostree::EncapsulatedTar encapsulated(repository, walk);
    encapsulated.write_commit(tar);
    for (const ostree::WalkedFile& file : walk.files) encapsulated.write_file(tar, file);
    tar.finish();
    std::map<std::string, oci::TarEntry> entries;
    const ReadArchive archive = read_archive(sink.text);
    ASSERT_EQ(archive.error, "");
    for (const ReadEntry& read : archive.entries)
        EXPECT_TRUE(entries.emplace(read.entry.path, read.entry).second) << read.entry.path << " twice";
    const auto expect = [&](const std::string& path, oci::TarType type, std::uint32_t mode) {
        ASSERT_TRUE(entries.contains(path)) << path;
        EXPECT_EQ(entries.at(path).type, type) << path;
        EXPECT_EQ(entries.at(path).mode, mode) << path;
    };
    expect("boot/", oci::TarType::directory, 0755);
    expect("usr/", oci::TarType::directory, 0755);
    expect("var/tmp/", oci::TarType::directory, 01777);
    expect("usr/lib/emptyfile", oci::TarType::file, 0644);
    expect("usr/lib64/emptyfile2", oci::TarType::file, 0644);
    expect("usr/bin/bash", oci::TarType::hardlink, 0755);
    expect("usr/bin/hardlink-a", oci::TarType::hardlink, 0644);
    expect("usr/bin/hardlink-b", oci::TarType::hardlink, 0644);
    EXPECT_EQ(entries.at("usr/bin/hardlink-a").link_target, entries.at("usr/bin/hardlink-b").link_target);
    expect("etc/someconfig.conf", oci::TarType::hardlink, 0644);
    const std::string arping = std::string(kGoldenArping).insert(2, 1, '/');
    const oci::TarEntry& object = entries.at("sysroot/ostree/repo/objects/" + arping + ".file");
    ASSERT_EQ(object.xattrs.size(), 1U);
    EXPECT_EQ(object.xattrs.front().first, "security.capability");
}

}  // namespace
}  // namespace osb::test
