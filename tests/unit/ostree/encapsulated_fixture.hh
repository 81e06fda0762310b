// Encapsulated images for tests, with layers on top: a commit made in one repository, imported into another.
#pragma once

#include "oci/tar/tar_writer.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/support/string_sink.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {

class EncapsulatedTest : public ImportTest {
  protected:
    // Makes the commit of an ordinary image; from then on base() are its layers.
    void make_base(const std::vector<TarBuilder>& layers, ostree::Layout layout = ostree::Layout::bootable) {
        imported(layers, layout);
        take_base("os/test");
    }

    void take_base(const std::string& rev) {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const ostree::CommitId commit = repository.resolve(rev).value();
        commit_ = commit.text();
        walk_ = ostree::walk_commit(repository, commit);
        base_.clear();
        base_.push_back({commit_layer(repository), oci::Compression::gzip});
        const std::size_t half = walk_.files.size() / 2;
        base_.push_back({objects_layer(repository, 0, half), oci::Compression::zstd});
        base_.push_back({objects_layer(repository, half, walk_.files.size()), oci::Compression::gzip});
    }

    std::string commit_layer(const ostree::Repository& repository) const {
        StringSink sink;
        oci::TarWriter tar(sink);
        ostree::EncapsulatedTar(repository, walk_).write_commit(tar);
        tar.finish();
        return sink.text;
    }

    std::string objects_layer(const ostree::Repository& repository, std::size_t begin,
                              std::size_t end) const {
        StringSink sink;
        oci::TarWriter tar(sink);
        ostree::EncapsulatedTar encapsulated(repository, walk_);
        encapsulated.write_repository(tar);
        for (std::size_t i = begin; i < end; ++i) encapsulated.write_file(tar, walk_.files[i]);
        tar.finish();
        return sink.text;
    }

    static std::string diff_id(const MemoryLayer& layer) {
        return oci::Digest::of(as_bytes(layer.tar)).to_string();
    }

    MemoryImageOptions labels() const {
        MemoryImageOptions options;
        options.labels = {{"ostree.commit", commit_}, {"ostree.final-diffid", diff_id(base_.back())}};
        return options;
    }

    // The base with layers on top.
    MemoryImage derived(const std::vector<TarBuilder>& on_top) const { return derived(on_top, labels()); }
    MemoryImage derived(const std::vector<TarBuilder>& on_top, const MemoryImageOptions& options) const {
        std::vector<MemoryLayer> layers = base_;
        for (const TarBuilder& layer : on_top) layers.push_back({layer.finish(), oci::Compression::gzip});
        return make_image(layers, options);
    }

    std::string target() const { return directory_ / "target"; }

    ostree::ImportResult import_into_target(const oci::Image& image, ostree::ImportOptions options = {}) {
        if (!options.ref) options.ref = ostree::RefName::parse("os/derived");
        make_quick(target());
        ostree::Repository repository = ostree::Repository::open_or_create(target());
        NoProgress progress;
        return ostree::import_image(repository, image, options, progress);
    }

    // What the derived image's commit has.
    Listing listing(const std::vector<TarBuilder>& on_top, ostree::Layout layout = ostree::Layout::bootable) {
        result_ = import_into_target(derived(on_top).image, {.layout = layout});
        EXPECT_EQ(result_->base, commit_);
        return list_commit(target(), result_->commit);
    }

    // The message of the refusal of an image.
    std::string refusal_of(const MemoryImage& image, ostree::Layout layout = ostree::Layout::bootable) {
        make_quick(target());
        const auto before = ostree::Repository::open(target()).resolve("os/derived");
        try {
            import_into_target(image.image, {.layout = layout});
        } catch (const Error& error) {
            EXPECT_EQ(exit_status(error.kind()), 3) << error.message();
            EXPECT_EQ(ostree::Repository::open(target()).resolve("os/derived"), before) << "a ref moved";
            return error.message();
        }
        ADD_FAILURE() << "was imported";
        return {};
    }

    // Where an image has the object of one of the commit's files.
    std::string object_path(const std::string& path) const {
        for (const ostree::WalkedFile& file : walk_.files) {
            if (std::find(file.paths.begin(), file.paths.end(), path) == file.paths.end()) continue;
            const std::string hex = to_hex(file.checksum);
            return "sysroot/ostree/repo/objects/" + hex.substr(0, 2) + '/' + hex.substr(2) + ".file";
        }
        ADD_FAILURE() << path;
        return {};
    }

    std::string commit_;
    ostree::CommitWalk walk_;
    std::vector<MemoryLayer> base_;
};

}  // namespace osb::test
