#include "ostree/import/import.hh"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <tuple>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/commit_metadata.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/encapsulated_layer.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/import/layer_space.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/layer_table.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/layout/derived_layout.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/staging.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_binding.hh"
#include "ostree/tree/metadata_objects.hh"
#include "ostree/tree/overlay.hh"

namespace osb::ostree {
namespace {

std::string layout_name(Layout layout) {
    return layout == Layout::bootable ? "bootable" : "plain";
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
        base_layers_ = encapsulated_layers(image_);
        describe_image();
        const std::optional<CommitId> present = repository_.resolve(ref().text());
        choose_parent(present);
        if (present && (is_present(*present) || is_held_commit(*present))) {
            // One that was killed after it had moved the ref may have left its staging directory.
            remove_abandoned_staging(ostree_repo_get_dfd(repository_.handle().repo.get()));
            return finished();
        }

        Transaction transaction(repository_);
        ObjectWriter writer(repository_);
        find_layers(writer);
        check_space();
        read_layers(writer);
        progress_.begin("writing the commit", std::nullopt);
        if (has_base()) read_base(writer);
        make_tree(writer);
        check_directory_sizes(root_);
        commit(transaction, writer);
        result_.objects_written = writer.objects_written();
        result_.bytes_written = writer.bytes_written();
        return finished();
    }

  private:
    struct Result : ImportFacts {
        std::optional<CommitId> commit;  // nothing until it is known; as is:
        std::optional<RefName> ref;
    };

    ImportResult finished() const { return {result_, result_.commit.value(), ref()}; }

    // The layers of the image; the same blob twice is one. Only reading shows what two blobs have in common.
    struct Slot {
        std::size_t index = 0;  // of its first use in the manifest
        LayerKind kind = LayerKind::ordinary;
        std::shared_ptr<Layer> layer;
        bool reused = false;
    };

    void describe_image() {
        const std::string machine = oci::machine_name(image_.config.platform);
        result_.ref =
            options_.ref ? *options_.ref : RefName::parse(concat("os/", machine, '/', options_.name));
        result_.manifest_digest = image_.manifest.digest.to_string();
        result_.version = image_version(image_);
        result_.layers = image_.manifest.layers.size();
    }

    void choose_parent(const std::optional<CommitId>& present) {
        switch (options_.parent) {
            case Parent::none:
                break;
            case Parent::automatic:
                result_.parent = present;
                break;
            case Parent::commit: {
                const std::optional<CommitId> parent = repository_.resolve(options_.parent_commit);
                if (!parent || !has_commit(*parent)) {
                    throw Error(ErrorKind::not_found,
                                concat("the parent commit ", quoted(options_.parent_commit),
                                       " is not in the repository"));
                }
                result_.parent = *parent;
            }
        }
    }

    bool has_commit(const CommitId& commit) const {
        gboolean present = FALSE;
        GErrorSlot error;
        error.check(ostree_repo_has_object(repository_.handle().repo.get(), OSTREE_OBJECT_TYPE_COMMIT,
                                           commit.c_str(), &present, nullptr, error.out()) != 0,
                    concat("cannot look up the commit ", commit));
        return present != FALSE;
    }

    const RefName& ref() const { return result_.ref.value(); }
    bool has_base() const noexcept { return base_layers_ > 0; }

    // Whether the image is a commit and no more.
    bool is_only_base() const noexcept { return base_layers_ == image_.manifest.layers.size(); }

    // Whether the result may be the commit inside the image itself: nothing was asked for that it cannot be.
    bool may_be_base() const {
        return is_only_base() && options_.parent == Parent::automatic && options_.subject.empty();
    }

    LayerKind kind_of(std::size_t index) const noexcept {
        if (index >= base_layers_) return LayerKind::ordinary;
        return index == 0 ? LayerKind::commit : LayerKind::objects;
    }

    using SlotKey = std::tuple<LayerKind, oci::Digest, oci::Digest>;

    SlotKey key_of(std::size_t index) const {
        return {kind_of(index), image_.config.diff_ids[index], image_.manifest.layers[index].digest};
    }

    Slot& slot_of(std::size_t index) { return layers_.at(key_of(index)); }

    // Whether the ref's commit is the one in the image, laid out as asked for; its label alone is no proof.
    bool is_held_commit(const CommitId& held) {
        if (!may_be_base() || held != promised_commit(image_)) return false;
        if (known_commit(repository_, image_) != held) return false;
        const GVariantPtr commit_object = load_commit(repository_, held);
        if (!commit_object) return false;
        if (!fits_layout(is_laid_out(repository_, root_of(bytes_of(commit_object.get()))))) return false;
        const GVariantPtr metadata = metadata_of(commit_object.get());
        result_.kernel = lookup_string(metadata.get(), "ostree.linux");
        result_.commit = result_.base = held;
        result_.parent = parent_of(commit_object.get());
        result_.unchanged = true;
        result_.layers_reused = result_.layers;
        return true;
    }

    // Whether a tree, which has its /etc in /usr or not, is as the layout wants it without further ado.
    bool fits_layout(bool laid_out) const noexcept {
        return laid_out == (options_.layout == Layout::bootable);
    }

    // Whether the commit that the ref names is this image already, with the parent that was asked for. Then
    // that is the result.
    bool is_present(const CommitId& named) {
        const GVariantPtr commit_object = load_commit(repository_, named);
        if (!commit_object) return false;
        const GVariantPtr metadata = metadata_of(commit_object.get());
        if (!is_import_of(metadata.get(), image_, layout_name(options_.layout))) return false;
        if (is_refused_in_collection(repository_, commit_object.get(), ref())) return false;
        const std::optional<CommitId> parent = parent_of(commit_object.get());
        if (options_.parent != Parent::automatic && parent != result_.parent) return false;
        result_.kernel = lookup_string(metadata.get(), "ostree.linux");
        result_.base = CommitId::try_parse(lookup_string(metadata.get(), "osb.import.base"));
        result_.commit = named;
        result_.parent = parent;
        result_.unchanged = true;
        result_.layers_reused = result_.layers;
        return true;
    }

    void find_layers(const ObjectWriter& writer) {
        for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
            const auto [slot, is_new] = layers_.try_emplace(key_of(i));
            if (!is_new) continue;
            slot->second.index = i;
            slot->second.kind = kind_of(i);
            with_context([&] { return layer_context(i); },
                         [&, &found = slot->second] {
                             found.layer = find_known_layer(repository_, image_, i, found.kind);
                             charge(budget_, found.layer.get());
                         });
        }
        keep_whole_layers(writer);
        if (has_base()) keep_whole_base(writer);
        for (std::size_t i = 0; i < image_.manifest.layers.size(); ++i) {
            if (slot_of(i).reused) ++result_.layers_reused;
        }
    }

    // Of the layers that are known, those are reused whose objects are all there: a damaged repository is
    // mended, not built upon.
    void keep_whole_layers(const ObjectWriter& writer) {
        TaskPool pool(jobs(), TaskPool::kMaxQueued);
        for (auto& [key, slot] : layers_) {
            const bool may_be_here = options_.expect_objects && slot.kind == LayerKind::objects;
            if (slot.layer == nullptr && !may_be_here) continue;
            pool.add_producer([this, &writer, &found = slot] {
                if (found.layer == nullptr) {
                    LayerTable table = find_layer_table(image_, found.index);
                    found.layer = std::move(table.layer);
                    charge(budget_, found.layer.get());
                    table_bytes_ += table.bytes_read;
                }
                found.reused = found.layer != nullptr && holds_all_files(writer, *found.layer);
                if (found.reused || found.layer == nullptr) return;
                give_back(budget_, *found.layer);
                found.layer.reset();
            });
        }
        pool.run();
    }

    // The base's first layer counts as known only with all others, and when the repository has the commit and
    // its directories.
    void keep_whole_base(const ObjectWriter& writer) {
        Slot& first = slot_of(0);
        if (!first.reused) return;
        const CommitId base = first.layer->commit.value();
        try {
            const GVariantPtr commit_object = load_commit(repository_, base);
            bool known = commit_object != nullptr;
            for (std::size_t i = 0; i < base_layers_; ++i) known = known && slot_of(i).reused;
            if (known) return read_base_tree(writer, base, bytes_of(commit_object.get()));
        } catch (const Error& error) {
            log_debug(concat("the base commit ", base, " is read anew: ", error.message()));
        }
        first.reused = false;
        give_back(budget_, *first.layer);
        first.layer.reset();
    }

    void read_base_tree(const ObjectWriter& writer, const CommitId& base, ByteView commit_object) {
        objects_ = {};
        for (std::size_t i = 0; i < base_layers_; ++i) objects_.add(*slot_of(i).layer);
        base_commit_object_ = variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, commit_object, false);
        base_root_ = root_of(commit_object);
        base_tree_ = with_context(
            [&] { return concat("commit ", base); },
            [&] {
                return read_tree(
                    [&](ObjectType type, const Sha256& object) { return writer.read_metadata(type, object); },
                    base_root_, objects_, budget_);
            });
        result_.base = base;
    }

    // To be called when all layers have been read.
    void read_base(const ObjectWriter& writer) {
        if (!base_tree_) read_base_tree(writer, found_.commit.value(), as_bytes(found_.commit_object));
        const std::string promised = promised_commit(image_);
        if (!promised.empty() && promised != result_.base) {
            throw Error(ErrorKind::digest_mismatch,
                        concat("the image holds the commit ", *result_.base,
                               ", but its label ostree.commit says ", quoted(promised)));
        }
        if (options_.parent == Parent::automatic) result_.parent = result_.base;
    }

    std::string layer_context(std::size_t index) const {
        return concat("layer ", index + 1, " of ", image_.manifest.layers.size(), " (",
                      image_.manifest.layers[index].digest.short_string(), ")");
    }

    // Refuses what cannot fit, before anything is read.
    void check_space() const {
        std::vector<const oci::Descriptor*> unread;
        for (const auto& [key, slot] : layers_) {
            if (!slot.reused) unread.push_back(&image_.manifest.layers[slot.index]);
        }
        check_space_for(repository_, unread);
    }

    void read_layers(ObjectWriter& writer) {
        std::vector<Slot*> unread;
        for (auto& [key, slot] : layers_) {
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

        TaskPool pool(jobs(), TaskPool::kMaxQueued);
        const LayerContext context{writer, pool, progress_, budget_};
        for (Slot* slot : unread) {
            pool.add_producer([this, slot, &context] { read_one(*slot, context); });
        }
        pool.run();
        result_.bytes_read = total + table_bytes_;
    }

    void read_one(Slot& slot, const LayerContext& context) {
        with_context([&] { return layer_context(slot.index); },
                     [&] {
                         oci::LayerBlob blob =
                             image_.source->open_layer(image_.manifest, image_.config, slot.index);
                         const oci::Digest& diff_id = image_.config.diff_ids[slot.index];
                         slot.layer = slot.kind == LayerKind::ordinary
                                          ? read_layer(std::move(blob), diff_id, context)
                                          : read_base_layer(std::move(blob), diff_id, slot.kind, context);
                     });
    }

    std::shared_ptr<Layer> read_base_layer(oci::LayerBlob blob, const oci::Digest& diff_id, LayerKind kind,
                                           const LayerContext& context) {
        auto layer = std::make_shared<Layer>(diff_id, kind);
        layer->blob = blob.digest;
        const bool holds_commit = kind == LayerKind::commit;
        layer->uncompressed_size = decode_layer(std::move(blob), diff_id, context, [&](LayerArchive archive) {
            EncapsulatedLayerReader(archive, context, found_, holds_commit, layer.get()).read_all();
        });
        if (!holds_commit) return layer;
        layer->commit = found_.commit;
        for (std::size_t i = 0; i < base_layers_; ++i)
            layer->image_layers.push_back(image_.config.diff_ids[i].to_string());
        return layer;
    }

    void make_tree(ObjectWriter& writer) {
        if (!has_base()) {
            root_ = Node::directory();
            merge_layers();
            return lay_out(
                [this](const StoreLink& store_link) { return make_bootable(root_, store_link, budget_); },
                writer);
        }
        const DerivedLayout layout(*base_tree_);
        const bool laid_out = is_laid_out(*base_tree_);
        root_ = std::move(*base_tree_);
        if (is_only_base() && fits_layout(laid_out)) return;
        const bool linked = std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) {
            return layer.second.kind == LayerKind::ordinary && has_hard_links(*layer.second.layer);
        });
        ImageView view(root_, linked ? &objects_ : nullptr, budget_);
        merge_layers();
        view.strip();
        lay_out([&](const StoreLink& store_link) { return layout.apply(root_, store_link, budget_); },
                writer);
    }

    void merge_layers() {
        const DirectoryXattrs xattrs = has_base() ? DirectoryXattrs::keep : DirectoryXattrs::replace;
        for (std::size_t i = base_layers_; i < image_.manifest.layers.size(); ++i) {
            const Layer& layer = *slot_of(i).layer;
            with_context([&] { return layer_context(i); },
                         [&] { apply_layer(root_, layer, budget_, xattrs); });
            for (const std::string& note : layer.notes()) log_warning(concat("layer ", i + 1, ": ", note));
        }
        drop_special(root_);
    }

    void lay_out(const std::function<LayoutReport(const StoreLink&)>& make, ObjectWriter& writer) {
        if (options_.layout == Layout::plain) return;
        LayoutReport report = make([&writer](std::string_view target, std::uint32_t uid, std::uint32_t gid) {
            check_link_target(target);  // it may have become longer
            return writer.write_file({.uid = uid, .gid = gid, .mode = S_IFLNK | 0777U, .xattrs = {}}, target,
                                     {});
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
        GVariantPtr commit_object;
    };

    // Writes the merged tree's directories and what the layers' commits need, side by side.
    WrittenTree write_trees(ObjectWriter& writer, std::vector<NewLayer>& new_layers) const {
        for (const auto& [key, slot] : layers_) {
            if (!slot.reused) new_layers.push_back({&slot, nullptr});
        }
        TaskPool pool(jobs(), TaskPool::kMaxQueued);
        WrittenTree tree;
        pool.add_producer([&] { tree = write_tree(writer, root_); });
        for (NewLayer& layer : new_layers) {
            pool.add_producer([&] { layer.commit_object = make_layer_commit(writer, *layer.slot->layer); });
        }
        pool.run();
        return tree;
    }

    void commit(Transaction& transaction, ObjectWriter& writer) {
        std::vector<NewLayer> new_layers;
        const WrittenTree tree = write_trees(writer, new_layers);
        // Objects first, durable; then the commits that need them; then the refs that name those.
        writer.publish();
        transaction.lock_refs();
        const std::optional<CommitId> present = repository_.resolve(ref().text());
        if (present && *present != result_.parent && options_.parent == Parent::automatic) {
            // Another import was quicker: its commit is the parent, or the result.
            if (is_present(*present)) return;
            if (!has_base()) result_.parent = *present;
        }
        for (const NewLayer& layer : new_layers) {
            save_layer(transaction, layer.commit_object.get(), *layer.slot->layer);
        }
        if (found_.commit)
            transaction.write_commit(*found_.commit, found_.commit_object, found_.detached,
                                     Preferred::present);
        if (may_be_base() && tree.tree == base_root_.tree && tree.meta == base_root_.meta) {
            take_base(present);
        } else {
            write_own_commit(transaction, tree);
        }
        transaction.set_ref(ref(), *result_.commit);
        std::vector<oci::Digest> used = image_.config.diff_ids;
        for (const oci::Descriptor& layer : image_.manifest.layers) used.push_back(layer.digest);
        forget_unused_layers(transaction, repository_, used);
        transaction.commit();
    }

    void write_own_commit(Transaction& transaction, const WrittenTree& tree) {
        const GVariantPtr metadata = commit_metadata(image_, {.layout = layout_name(options_.layout),
                                                              .kernel = result_.kernel,
                                                              .base = result_.base,
                                                              .collection = collection_of(repository_),
                                                              .ref = ref()});
        result_.commit = transaction.write_commit(make_commit({.metadata = metadata.get(),
                                                               .parent = result_.parent,
                                                               .subject = options_.subject,
                                                               .time = image_time(image_),
                                                               .root = tree})
                                                      .get());
    }

    // The commit inside the image is the result.
    void take_base(const std::optional<CommitId>& present) {
        result_.commit = result_.base;
        result_.parent = parent_of(base_commit_object_.get());
        result_.kernel = lookup_string(metadata_of(base_commit_object_.get()).get(), "ostree.linux");
        result_.unchanged = present == result_.base;
        result_.notes.push_back(
            concat("the image holds the commit ", *result_.base, " and no more: it is taken as it is"));
        if (!result_.unchanged) warn_in_collection(repository_, base_commit_object_.get(), ref());
    }

    Repository& repository_;
    const oci::Image& image_;
    const ImportOptions& options_;
    Progress& progress_;
    Result result_;
    ImageBudget budget_;
    std::map<SlotKey, Slot> layers_;             // by kind, diffID and blob
    std::atomic<std::uint64_t> table_bytes_{0};  // read of tables of contents
    Node root_;

    // Of an image that is built on a commit:
    std::size_t base_layers_ = 0;  // the first of its layers
    Encapsulated found_;           // empty when the base is known
    ObjectIndex objects_;
    GVariantPtr base_commit_object_;
    RootChecksums base_root_;
    std::optional<Node> base_tree_;
};

}  // namespace

ImportResult import_image(Repository& repository, const oci::Image& image, const ImportOptions& options,
                          Progress& progress) {
    return Import(repository, image, options, progress).run();
}

}  // namespace osb::ostree
