#include "ostree/union/union.hh"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/json.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/tree_layout.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_binding.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/union/architecture.hh"
#include "ostree/union/commit_tree.hh"

namespace osb::ostree {
namespace {

constexpr const char* kKeyTrees = "osb.union.trees";

// The refs of the images that are being joined. The destructor removes those that release() has not.
class TemporaryRefs {
  public:
    explicit TemporaryRefs(Repository& repository) : repository_(repository) {}
    TemporaryRefs(const TemporaryRefs&) = delete;
    TemporaryRefs& operator=(const TemporaryRefs&) = delete;
    ~TemporaryRefs() {
        if (refs_.empty()) return;
        try {
            Transaction transaction(repository_);
            remove(transaction);
            transaction.commit();
        } catch (const std::exception& error) {
            log_debug(concat("cannot remove temporary refs: ", escape(error.what())));
        }
    }

    RefName add(const oci::Image& image) {
        RefName out = RefName::parse(concat("osb/union/", image.manifest.digest.hex()));
        if (std::find(refs_.begin(), refs_.end(), out) == refs_.end()) refs_.push_back(out);
        return out;
    }

    // Removes the refs in a transaction of the caller, which sets other refs.
    void remove(Transaction& transaction) {
        transaction.lock_refs();
        for (const RefName& ref : refs_) {
            if (repository_.resolve(ref.text())) transaction.delete_ref(ref.text());
        }
    }
    void release() { refs_.clear(); }

  private:
    Repository& repository_;
    std::vector<RefName> refs_;
};

// Imports the images. A tree in its own layout is easier to join, so the layout is made at the end, except
// for an image that holds a commit.
std::vector<UnionInputCommit> import_inputs(Repository& repository, const std::vector<UnionInput>& inputs,
                                            const UnionOptions& options, TemporaryRefs& refs,
                                            Progress& progress) {
    std::vector<UnionInputCommit> out;
    for (const UnionInput& input : inputs) {
        if (!input.image) {
            out.push_back({.name = input.name, .commit = input.commit.value()});
            continue;
        }
        ImportOptions import;
        import.ref = refs.add(*input.image);
        import.layout = is_encapsulated(*input.image) ? Layout::bootable : Layout::plain;
        import.jobs = options.jobs;
        import.parent = is_encapsulated(*input.image) ? Parent::automatic : Parent::none;
        const ImportResult result =
            with_context([&input] { return quoted(input.name); },
                         [&] { return import_image(repository, *input.image, import, progress); });
        out.push_back({.name = input.name, .commit = result.commit});
    }
    return out;
}

RefName find_ref(const UnionInput& base, const UnionOptions& options) {
    if (options.ref) return *options.ref;
    if (!base.image) {
        throw Error(ErrorKind::usage, "union: a base that is a commit requires --ref")
            .hint("name another ref than that of the base, so that the base stays");
    }
    return RefName::parse(
        concat("os/", oci::machine_name(base.image->config.platform), '/', options.base_name));
}

// Shows /usr/etc as /etc, as the packages have it.
void show_as_image(Node& root, ImageBudget& budget) {
    if (!is_laid_out(root)) return;
    ImageView(root, nullptr, budget).strip();
}

Layout find_layout(const UnionInput& base, bool is_laid_out, const UnionOptions& options) {
    if (options.layout == Layout::plain && is_laid_out) {
        throw Error(ErrorKind::usage,
                    concat("the base ", quoted(base.name), " has the bootable layout already"))
            .hint("omit --layout plain");
    }
    if (options.layout) return *options.layout;
    return base.image || is_laid_out ? Layout::bootable : Layout::plain;
}

PackageTree read_package_tree(const Repository& repository, const UnionInputCommit& input,
                              ImageBudget& budget) {
    return with_context([&input] { return quoted(input.name); },
                        [&] {
                            PackageTree out{.name = input.name,
                                            .root = read_commit_tree(repository, input.commit, budget),
                                            .database = {}};
                            show_as_image(out.root, budget);
                            out.database = read_apk_database(repository, out.root, budget);
                            return out;
                        });
}

std::optional<oci::Platform> platform_of(const Repository& repository, const UnionInput& input) {
    return input.commit ? read_commit_platform(repository, *input.commit) : input.platform;
}

// The base's configuration without its layers and history, which are not those of the union.
std::string config_of_union(GVariant* base_metadata) {
    const std::string text = lookup_string(base_metadata, "ostree.container.image-config");
    if (text.empty()) return {};
    try {
        oci::Json config = oci::parse_json(text, "config");
        config["rootfs"] = {{"type", "layers"}, {"diff_ids", oci::Json::array()}};
        config.erase("history");
        return config.dump();
    } catch (const Error& error) {
        log_debug(error.message());
        return {};
    }
}

GVariantPtr union_metadata(const Repository& repository, const std::vector<UnionInputCommit>& trees,
                           const std::string& kernel, const RefName& ref) {
    const GVariantPtr base = load_commit(repository, trees.front().commit);
    const GVariantPtr base_metadata = metadata_of(base.get());
    std::map<std::string, GVariant*> values;
    const auto set_text = [&values](const char* key, const std::string& text) {
        if (!text.empty()) values[key] = g_variant_new_string(text.c_str());
    };
    set_text("ostree.container.image-config", config_of_union(base_metadata.get()));
    for (const char* const key : {"version", "ostree.architecture"})
        set_text(key, lookup_string(base_metadata.get(), key));
    set_text("ostree.linux", kernel);
    if (!kernel.empty()) values["ostree.bootable"] = g_variant_new_boolean(TRUE);
    std::vector<const char*> commits;
    commits.reserve(trees.size());
    for (const UnionInputCommit& tree : trees) commits.push_back(tree.commit.c_str());
    values[kKeyTrees] = g_variant_new_strv(commits.data(), static_cast<gssize>(commits.size()));
    if (const std::string collection = collection_of(repository); !collection.empty()) {
        set_text("ostree.collection-binding", collection);
        const char* const name = ref.c_str();
        values["ostree.ref-binding"] = g_variant_new_strv(&name, 1);
    }
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (const auto& [key, value] : values) g_variant_builder_add(&builder, "{sv}", key.c_str(), value);
    return take(g_variant_builder_end(&builder));
}

// True if a commit is the union of these trees already.
bool is_union_of(const Repository& repository, const CommitId& commit,
                 const std::vector<UnionInputCommit>& trees, const WrittenTree& root) {
    const GVariantPtr object = load_commit(repository, commit);
    if (!object) return false;
    const std::vector<std::string> names = lookup_strings(metadata_of(object.get()).get(), kKeyTrees);
    const bool same_trees =
        std::equal(names.begin(), names.end(), trees.begin(), trees.end(),
                   [](const std::string& a, const UnionInputCommit& b) { return b.commit == a; });
    return same_trees && read_root(repository, commit) == RootChecksums{.tree = root.tree, .meta = root.meta};
}

std::uint64_t newest_time(const Repository& repository, const std::vector<UnionInputCommit>& trees) {
    std::uint64_t out = 0;
    for (const UnionInputCommit& tree : trees)
        out = std::max(out, read_commit_info(repository, tree.commit).time);
    return out;
}

// Writes the commit, unless the ref's commit is the same union, and sets the ref.
void publish_union(Repository& repository, Transaction& transaction, TemporaryRefs& refs,
                   const UnionOptions& options, const WrittenTree& root, UnionResult& result) {
    transaction.lock_refs();
    const std::optional<CommitId> present = repository.resolve(result.ref.text());
    if (present && is_union_of(repository, *present, result.trees, root)) {
        const GVariantPtr object = load_commit(repository, *present);
        result.commit = *present;
        result.parent = parent_of(object.get());
        result.unchanged = true;
    } else {
        const GVariantPtr metadata = union_metadata(repository, result.trees, result.kernel, result.ref);
        result.parent = present;
        result.commit = transaction.write_commit(make_commit({.metadata = metadata.get(),
                                                              .parent = present,
                                                              .subject = options.subject,
                                                              .time = newest_time(repository, result.trees),
                                                              .root = root})
                                                     .get());
        transaction.set_ref(result.ref, result.commit);
    }
    refs.remove(transaction);
    transaction.commit();
    refs.release();
}

}  // namespace

UnionResult join_onto_base(Repository& repository, const std::vector<UnionInput>& inputs,
                           const UnionOptions& options, Progress& progress) {
    check_subject(options.subject);
    const UnionInput& base = inputs.front();
    const RefName ref = find_ref(base, options);
    TemporaryRefs refs(repository);
    std::vector<UnionInputCommit> trees = import_inputs(repository, inputs, options, refs, progress);
    progress.begin("joining the trees", std::nullopt);
    const CommitId base_commit = trees.front().commit;
    UnionResult result{.commit = base_commit, .ref = ref, .trees = std::move(trees)};

    ImageBudget budget(base.image ? base.image->limits : ImageLimits{});
    Node base_root = read_commit_tree(repository, result.trees.front().commit, budget);
    const bool laid_out = is_laid_out(base_root);
    const Layout layout = find_layout(base, laid_out, options);
    const DerivedLayout derived(base_root);
    show_as_image(base_root, budget);
    PackageTree tree{.name = base.name, .root = std::move(base_root), .database = {}};
    tree.database = with_context([&] { return quoted(base.name); },
                                 [&] { return read_apk_database(repository, tree.root, budget); });
    Transaction transaction(repository);
    ObjectWriter writer(repository);
    bool has_databases = false;
    ArchitectureCheck architectures;
    architectures.add(base.name, platform_of(repository, base), tree.database.packages);
    for (std::size_t i = 1; i < result.trees.size(); ++i) {
        PackageTree later = read_package_tree(repository, result.trees[i], budget);
        architectures.add(later.name, platform_of(repository, inputs[i]), later.database.packages);
        has_databases = has_databases || later.database.world || !later.database.directory.empty();
        join_trees(tree, later, result.report, budget);
    }
    if (has_databases) write_apk_database(repository, writer, tree.root, tree.database, budget);

    LaidOutTree done = lay_out(std::move(tree.root), layout, &derived, link_store(writer), budget);
    check_directory_sizes(done.root);
    const WrittenTree root = write_tree(writer, done.root);
    result.kernel = std::move(done.kernel);
    result.notes = std::move(done.notes);
    writer.publish();
    publish_union(repository, transaction, refs, options, root, result);
    result.objects_written = writer.objects_written();
    result.bytes_written = writer.bytes_written();
    return result;
}

}  // namespace osb::ostree
