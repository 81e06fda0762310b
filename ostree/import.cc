#include "ostree/import.hh"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/bootable_layout.hh"
#include "ostree/commit.hh"
#include "ostree/commit_metadata.hh"
#include "ostree/layer_reader.hh"
#include "ostree/layer_store.hh"
#include "ostree/object_writer.hh"
#include "ostree/overlay.hh"
#include "ostree/repository_handle.hh"
#include "ostree/staging.hh"

namespace osb::ostree {
namespace {

// What waiting tasks may hold: enough to keep every thread busy, little enough to be no matter.
constexpr std::size_t kMaxQueued = 16UL * 1024 * 1024;

std::string layout_name(Layout layout) {
    return layout == Layout::bootable ? "bootable" : "plain";
}

std::string ref_of(const ImportOptions& options, const oci::Image& image) {
    std::string ref = options.ref.empty()
                          ? concat("os/", oci::machine_name(image.config.platform), '/', options.name)
                          : options.ref;
    check_ref_name(ref);
    return ref;
}

// One import, from the image to the ref.
class Import {
  public:
    Import(Repository& repository, const oci::Image& image, const ImportOptions& options, Progress& progress)
        : repository_(repository), image_(image), options_(options), progress_(progress) {}

    ImportResult run() {
        if (!is_utf8(options_.subject) || options_.subject.find('\0') != std::string::npos) {
            throw Error(ErrorKind::usage, concat("the subject ", quoted(options_.subject), " is not UTF-8"));
        }
        if (image_.manifest.layers.empty()) throw Error(ErrorKind::invalid, "the image has no layers");
        describe_image();
        const std::optional<std::string> present = repository_.resolve(result_.ref);
        choose_parent(present);
        if (present && is_present(*present)) {
            // One that was killed after it had moved the ref may have left its staging directory.
            remove_abandoned_staging(ostree_repo_get_dfd(repository_.handle().repo.get()));
            return std::move(result_);
        }

        Transaction transaction(repository_);
        ObjectWriter writer(repository_);
        find_layers(writer);
        check_space();
        read_layers(writer);
        progress_.begin("writing the commit", std::nullopt);
        Node root = merge_layers();
        lay_out(root, writer);
        commit(transaction, writer, root);
        result_.objects_written = writer.objects_written();
        result_.bytes_written = writer.bytes_written();
        return std::move(result_);
    }

  private:
    // The layers of the image; the same blob twice is one.
    struct Slot {
        std::size_t index = 0;  // of its first use in the manifest
        std::shared_ptr<Layer> layer;
        bool reused = false;
    };

    void describe_image() {
        result_.ref = ref_of(options_, image_);
        result_.manifest_digest = image_.manifest.digest.to_string();
        result_.version = image_version(image_);
        result_.layers = image_.manifest.layers.size();
    }

    void choose_parent(const std::optional<std::string>& present) {
        switch (options_.parent) {
            case Parent::none:
                break;
            case Parent::automatic:
                result_.parent = present.value_or("");
                break;
            case Parent::commit: {
                const std::optional<std::string> parent = repository_.resolve(options_.parent_commit);
                if (!parent || !has_commit(*parent)) {
                    throw Error(ErrorKind::not_found,
                                concat("the parent commit ", quoted(options_.parent_commit),
                                       " is not in the repository"));
                }
                result_.parent = *parent;
            }
        }
    }

    bool has_commit(const std::string& checksum) const {
        gboolean present = FALSE;
        GErrorSlot error;
        error.check(ostree_repo_has_object(repository_.handle().repo.get(), OSTREE_OBJECT_TYPE_COMMIT,
                                           checksum.c_str(), &present, nullptr, error.out()) != 0,
                    concat("cannot look up the commit ", checksum));
        return present != FALSE;
    }

    // Whether the commit that the ref names is this image already, with the parent that was asked for. Then
    // that is the result.
    bool is_present(const std::string& checksum) {
        const GVariantPtr commit = load_commit(repository_, checksum);
        if (!commit) return false;
        const GVariantPtr metadata = metadata_of(commit.get());
        if (!is_import_of(metadata.get(), image_, layout_name(options_.layout))) return false;
        const std::string parent = parent_of(commit.get());
        if (options_.parent != Parent::automatic && parent != result_.parent) return false;
        result_.kernel = lookup_string(metadata.get(), "ostree.linux");
        result_.commit = checksum;
        result_.parent = parent;
        result_.unchanged = true;
        result_.layers_reused = result_.layers;
        return true;
    }

    void find_layers(const ObjectWriter& writer) {
        for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
            const oci::Digest& diff_id = image_.config.diff_ids[i];
            const auto [slot, is_new] = layers_.try_emplace(diff_id.to_string());
            if (!is_new) continue;
            slot->second.index = i;
            with_context([&] { return layer_context(i); },
                         [&, &found = slot->second] {
                             found.layer = load_layer(repository_, image_.manifest.layers[i].digest, diff_id);
                         });
        }
        keep_whole_layers(writer);
        for (const oci::Digest& diff_id : image_.config.diff_ids) {
            if (layers_.at(diff_id.to_string()).reused) ++result_.layers_reused;
        }
    }

    // Of the layers that are known, those are reused whose objects are all there: a damaged repository is
    // mended, not built upon.
    void keep_whole_layers(const ObjectWriter& writer) {
        TaskPool pool(jobs(), kMaxQueued);
        for (auto& [diff_id, slot] : layers_) {
            if (slot.layer == nullptr) continue;
            pool.add_producer([&writer, &found = slot] {
                found.reused = holds_all_files(writer, *found.layer);
                if (!found.reused) found.layer.reset();
            });
        }
        pool.run();
    }

    std::string layer_context(std::size_t index) const {
        return concat("layer ", index + 1, " of ", image_.manifest.layers.size(), " (",
                      image_.manifest.layers[index].digest.short_string(), ")");
    }

    // What a layer takes at the least in the repository: about its size, or what deflate leaves of a plain
    // one.
    std::uint64_t stored_size(const oci::Descriptor& layer) const {
        constexpr std::uint64_t kDeflated = 16;
        const bool shrinks = repository_.mode() == RepoMode::archive && !layer.media_type.ends_with("gzip") &&
                             !layer.media_type.ends_with("zstd");
        return shrinks ? layer.size / kDeflated : layer.size;
    }

    // Refuses what cannot fit, before anything is read.
    void check_space() const {
        struct statvfs fs {};
        if (::statvfs(repository_.path().c_str(), &fs) != 0) return;
        const std::uint64_t free = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
        std::uint64_t needed = 0;
        for (const auto& [diff_id, slot] : layers_) {
            if (slot.reused) continue;
            const std::uint64_t size = stored_size(image_.manifest.layers[slot.index]);
            if (size > free - needed) {
                throw Error(ErrorKind::no_space,
                            concat("the image's layers do not fit into the ", (free >> 20U),
                                   " MiB that are free in ", quoted(repository_.path())));
            }
            needed += size;
        }
    }

    void read_layers(ObjectWriter& writer) {
        std::vector<Slot*> unread;
        for (auto& [diff_id, slot] : layers_) {
            if (!slot.reused) unread.push_back(&slot);
        }
        // The largest first, so that no thread is left alone with it at the end.
        const auto size_of = [this](const Slot* slot) { return image_.manifest.layers[slot->index].size; };
        std::sort(unread.begin(), unread.end(), [&](const Slot* a, const Slot* b) {
            return std::pair(size_of(b), a->index) < std::pair(size_of(a), b->index);
        });
        std::uint64_t total = 0;
        for (const Slot* slot : unread) total += size_of(slot);
        if (!unread.empty()) progress_.begin("reading layers", total);

        TaskPool pool(jobs(), kMaxQueued);
        const LayerContext context{writer, pool, progress_, {}};
        for (Slot* slot : unread) {
            pool.add_producer([this, slot, &context] { read_one(*slot, context); });
        }
        pool.run();
        result_.bytes_read = total;
    }

    void read_one(Slot& slot, const LayerContext& context) const {
        with_context(
            [&] { return layer_context(slot.index); },
            [&] {
                oci::LayerBlob blob = image_.source->open_layer(image_.manifest, image_.config, slot.index);
                slot.layer = read_layer(std::move(blob), image_.config.diff_ids[slot.index], context);
            });
    }

    Node merge_layers() {
        Node root = Node::directory();
        for (std::size_t i = 0; i < image_.config.diff_ids.size(); ++i) {
            const Layer& layer = *layers_.at(image_.config.diff_ids[i].to_string()).layer;
            with_context([&] { return layer_context(i); }, [&] { apply_layer(root, layer); });
            for (const std::string& note : layer.notes()) log_warning(concat("layer ", i + 1, ": ", note));
        }
        return root;
    }

    void lay_out(Node& root, ObjectWriter& writer) {
        if (options_.layout == Layout::plain) return;
        LayoutReport report =
            make_bootable(root, [&writer](std::string_view target, std::uint32_t uid, std::uint32_t gid) {
                return writer.write_file({.uid = uid, .gid = gid, .mode = S_IFLNK | 0777U, .xattrs = {}},
                                         target, {});
            });
        for (const std::string& warning : report.warnings) log_warning(warning);
        result_.kernel = std::move(report.kernel);
        result_.notes = std::move(report.notes);
    }

    unsigned jobs() const {
        return options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
    }

    // The commit of a layer that was read, to be written once its objects are in their place.
    struct NewLayer {
        const Slot* slot = nullptr;
        GVariantPtr commit;
    };

    // Writes the merged tree's directories and what the layers' commits need, side by side.
    WrittenTree write_trees(ObjectWriter& writer, const Node& root, std::vector<NewLayer>& new_layers) const {
        for (const auto& [diff_id, slot] : layers_) {
            if (!slot.reused) new_layers.push_back({&slot, nullptr});
        }
        TaskPool pool(jobs(), kMaxQueued);
        WrittenTree tree;
        pool.add_producer([&] { tree = write_tree(writer, root); });
        for (NewLayer& layer : new_layers) {
            pool.add_producer([&] { layer.commit = make_layer_commit(writer, *layer.slot->layer); });
        }
        pool.run();
        return tree;
    }

    void commit(Transaction& transaction, ObjectWriter& writer, const Node& root) {
        std::vector<NewLayer> new_layers;
        const WrittenTree tree = write_trees(writer, root, new_layers);
        // Objects first, durable; then the commits that need them; then the refs that name those.
        writer.publish();
        transaction.lock_refs();
        const std::optional<std::string> present = repository_.resolve(result_.ref);
        if (present && *present != result_.parent && options_.parent == Parent::automatic) {
            // Another import was quicker: its commit is the parent, or the result.
            if (is_present(*present)) return;
            result_.parent = *present;
        }
        for (const NewLayer& layer : new_layers) {
            save_layer(transaction, layer.commit.get(), *layer.slot->layer,
                       image_.manifest.layers[layer.slot->index].digest);
        }
        const GVariantPtr metadata = commit_metadata(image_, {layout_name(options_.layout), result_.kernel});
        result_.commit = transaction.write_commit(make_commit({.metadata = metadata.get(),
                                                               .parent = result_.parent,
                                                               .subject = options_.subject,
                                                               .time = image_time(image_),
                                                               .root = tree})
                                                      .get());
        transaction.set_ref(result_.ref, result_.commit);
        std::vector<oci::Digest> used = image_.config.diff_ids;
        for (const oci::Descriptor& layer : image_.manifest.layers) used.push_back(layer.digest);
        forget_unused_layers(transaction, repository_, used);
        transaction.commit();
    }

    Repository& repository_;
    const oci::Image& image_;
    const ImportOptions& options_;
    Progress& progress_;
    ImportResult result_;
    std::map<std::string, Slot> layers_;  // by diffID
};

}  // namespace

ImportResult import_image(Repository& repository, const oci::Image& image, const ImportOptions& options,
                          Progress& progress) {
    return Import(repository, image, options, progress).run();
}

}  // namespace osb::ostree
