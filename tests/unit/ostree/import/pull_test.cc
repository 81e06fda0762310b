// An encapsulated image taken apart: the identical commit, or a refusal.
#include "ostree/import/pull.hh"

#include "oci/tar/tar_writer.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_reader.hh"
#include "tests/support/small_file.hh"
#include "tests/support/string_sink.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class PullThreads : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        TarBuilder layer;
        layer.pax({{"SCHILY.xattr.security.capability", "cap"}}).file("usr/bin/ping", "elf", 04755);
        layer.file("etc/passwd", "root")
            .file("usr/a", "same")
            .file("usr/b", "same")
            .file("usr/empty", "")
            .symlink("usr/l", "a//b");
        layer.file("usr/big", std::string(3'000'000, 'b'));
        bootable({layer});
        repository_.emplace(ostree::Repository::open(repo_path()));
        const ostree::CommitId commit = repository_->resolve("os/test").value();
        commit_ = commit.text();
        walk_ = ostree::walk_commit(*repository_, commit);
    }

    // The layers of the commit: the first with its metadata, the second with its files from `first` on.
    std::vector<MemoryLayer> layers(std::size_t first = 0) const {
        ostree::EncapsulatedTar encapsulated(*repository_, walk_);
        StringSink metadata;
        oci::TarWriter metadata_tar(metadata);
        encapsulated.write_commit(metadata_tar);
        metadata_tar.finish();
        StringSink files;
        oci::TarWriter files_tar(files);
        encapsulated.write_repository(files_tar);
        for (std::size_t i = first; i < walk_.files.size(); ++i)
            encapsulated.write_file(files_tar, walk_.files[i]);
        files_tar.finish();
        return {{metadata.text, oci::Compression::gzip}, {files.text, oci::Compression::zstd}};
    }

    MemoryImageOptions labels(const std::vector<MemoryLayer>& of) const {
        MemoryImageOptions options;
        options.labels = {{"ostree.commit", commit_},
                          {"ostree.final-diffid", oci::Digest::of(as_bytes(of.back().tar)).to_string()}};
        return options;
    }

    ostree::PullResult pull(const oci::Image& image) {
        make_quick(target());
        ostree::Repository repository = ostree::Repository::open_or_create(target());
        NoProgress progress;
        return ostree::pull_image(repository, image, {.ref = ostree::RefName::parse("os/pulled")}, progress);
    }

    std::string refusal_of_pull(const std::vector<MemoryLayer>& of, const MemoryImageOptions& options) {
        const MemoryImage image = make_image(of, options);
        try {
            pull(image.image);
        } catch (const Error& error) {
            EXPECT_EQ(exit_status(error.kind()), 3) << error.message();
            EXPECT_EQ(ostree::Repository::open(target()).resolve("os/pulled"), std::nullopt);
            return error.message();
        }
        ADD_FAILURE() << "was pulled";
        return {};
    }

    std::string target() const { return directory_ / "target"; }

    std::optional<ostree::Repository> repository_;
    std::string commit_;
    ostree::CommitWalk walk_;
};

TEST_F(PullThreads, TheIdenticalCommit) {
    const auto of = layers();
    const auto result = pull(make_image(of, labels(of)).image);
    EXPECT_EQ(result.commit, commit_);
    EXPECT_EQ(list_commit(target(), "os/pulled"), list_commit(repo_path(), "os/test"));
    EXPECT_GT(verify_all_objects(target()), walk_.files.size());
    // Again, into the repository that has it.
    EXPECT_EQ(pull(make_image(of, labels(of)).image).objects_written, 0U);
}

TEST_F(PullThreads, MissingObjectsAreNoticed) {
    const auto of = layers(1);
    EXPECT_NE(refusal_of_pull(of, labels(of)).find("lacks the object"), std::string::npos);
}

TEST_F(PullThreads, LabelsMustBeTrue) {
    const auto of = layers();
    MemoryImageOptions options = labels(of);
    options.labels["ostree.commit"] = std::string(64, 'a');
    EXPECT_NE(refusal_of_pull(of, options).find("label ostree.commit"), std::string::npos);
    options = labels(of);
    options.labels["ostree.final-diffid"] = "sha256:" + std::string(64, 'b');
    refusal_of_pull(of, options);
    options.labels.erase("ostree.final-diffid");
    EXPECT_NE(refusal_of_pull(of, options).find("not contain an ostree commit"), std::string::npos);
    // A layer on top of the commit makes it an image to import.
    auto derived = of;
    derived.push_back({TarBuilder().file("usr/new", "n").finish()});
    EXPECT_NE(refusal_of_pull(derived, labels(of)).find("further layers"), std::string::npos);
}

TEST_F(PullThreads, ObjectsMustBeWhatTheirNamesSay) {
    const std::string a(62, 'a');
    const std::string object = "sysroot/ostree/repo/objects/aa/" + a;
    const std::string good = layers()[0].tar;
    const auto with = [&](const TarBuilder& second) {
        return std::vector<MemoryLayer>{{good}, {second.finish()}};
    };
    for (const TarBuilder& bad :
         {TarBuilder().file(object + ".file-xattrs-link", "").file(object + ".file", "not this"),
          TarBuilder().file(object + ".file", "no attributes before it"),
          TarBuilder().file(object + ".file-xattrs-link", ""),
          TarBuilder().file(object + ".file-xattrs-link", "garbage").file(object + ".file", ""),
          TarBuilder().hardlink(object + ".file-xattrs-link", "../nothing").file(object + ".file", ""),
          TarBuilder().file(object + ".dirmeta", "in the wrong layer"),
          TarBuilder().file(object + ".commit", ""), TarBuilder().file(object + ".unknown", ""),
          TarBuilder().file("sysroot/ostree/repo/objects/x", ""),
          TarBuilder().file("sysroot/ostree/repo/objects/AA/" + a + ".file", ""),
          TarBuilder()
              .file(object + ".file-xattrs-link", "")
              .directory(object + ".file")
              .file(object + ".file-xattrs-link", "")}) {
        const auto of = with(bad);
        refusal_of_pull(of, labels(of));
    }
    const std::vector<MemoryLayer> no_commit{{TarBuilder().directory("usr").finish()}};
    refusal_of_pull(no_commit, labels(no_commit));
}

// {ostree.gpgsigs: [SIGNATURES], note: NOTE}, serialised.
std::string detached(const std::vector<std::string>& signatures, const char* note) {
    GVariantBuilder list;
    g_variant_builder_init(&list, G_VARIANT_TYPE("aay"));
    for (const std::string& signature : signatures)
        // The first byte is that of an OpenPGP signature packet.
        g_variant_builder_add_value(&list, ostree::byte_array(as_bytes("\x88" + signature)));
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&dict, "{sv}", "note", g_variant_new_string(note));
    g_variant_builder_add(&dict, "{sv}", "ostree.gpgsigs", g_variant_builder_end(&list));
    const ostree::GVariantPtr out = ostree::take(g_variant_builder_end(&dict));
    return std::string(as_text(ostree::bytes_of(out.get())));
}

TEST_F(PullThreads, SignaturesAreJoined) {
    const auto bring = [&](const std::string& metadata, bool imported) {
        put_file(repo_path() + "/objects/" + commit_.substr(0, 2) + '/' + commit_.substr(2) + ".commitmeta",
                 metadata);
        const auto of = layers();
        const MemoryImage image = make_image(of, labels(of));
        if (!imported) {
            EXPECT_EQ(pull(image.image).commit, commit_);
            return;
        }
        ostree::Repository repository = ostree::Repository::open(target());
        NoProgress progress;
        EXPECT_EQ(ostree::import_image(repository, image.image,
                                       {.ref = ostree::RefName::parse("os/imported")}, progress)
                      .commit,
                  commit_);
    };
    const auto held = [this] {
        return ostree::read_detached_metadata(ostree::Repository::open(target()), *walk_.commit);
    };
    bring(detached({"first"}, "ours"), false);
    EXPECT_EQ(held(), detached({"first"}, "ours"));
    bring(detached({"second"}, "theirs"), false);
    EXPECT_EQ(held(), detached({"first", "second"}, "ours"));
    bring(detached({"third", "first"}, "theirs"), true);
    EXPECT_EQ(held(), detached({"first", "second", "third"}, "ours"));
    // Nothing new: nothing is written.
    const std::string file =
        target() + "/objects/" + commit_.substr(0, 2) + '/' + commit_.substr(2) + ".commitmeta";
    const auto time = std::filesystem::last_write_time(file);
    bring(detached({"second"}, "theirs"), false);
    EXPECT_EQ(std::filesystem::last_write_time(file), time);
}

TEST_F(PullThreads, OlderImagesWithSharedAttributes) {
    // v0: attributes in files of their own, to which the objects' links lead; v1 with links to another
    // object's attributes.
    const std::string header = ostree::file_header({.mode = 0100644}, {});
    const std::string checksum = to_hex(sha256(as_bytes(header + "content")));
    const std::string object =
        "sysroot/ostree/repo/objects/" + checksum.substr(0, 2) + '/' + checksum.substr(2);
    for (const bool v0 : {true, false}) {
        TarBuilder files;
        if (v0) {
            files.file("./sysroot/ostree/repo/xattrs/e3b0", "")
                .hardlink("./" + object + ".file.xattrs", "./sysroot/ostree/repo/xattrs/e3b0");
        } else {
            files.file(object + ".file-xattrs", "")
                .hardlink(object + ".file-xattrs-link", "../" + object.substr(28) + ".file-xattrs");
        }
        files.file(object + ".file", "content");
        // The object is an additional one: the commit's own follow.
        const std::string own = layers()[1].tar;
        const std::vector<MemoryLayer> of{{layers()[0].tar}, {files.finish()}, {own}};
        EXPECT_EQ(pull(make_image(of, labels(of)).image).commit, commit_);
        EXPECT_TRUE(std::filesystem::exists(target() + "/objects/" + object.substr(28) + ".filez")) << v0;
        std::filesystem::remove_all(target());
    }
}

}  // namespace
}  // namespace osb::test
