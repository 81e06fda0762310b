#include "ostree/import/layer_store.hh"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/layer_digests.hh"
#include "ostree/tree/layer_entries.hh"

namespace osb::ostree {
namespace {

constexpr const char* kRefPrefix = "ostree/container/blob/osb";
constexpr guint32 kFormat = 8;              // 4 did not compare the names in tar-split data with the archive
constexpr guint32 kFormatEncapsulated = 3;  // its entries are objects, so others must not use it as a tree
constexpr guint32 kFormatTable = 5;         // the same, from a table of contents
constexpr guint32 kFormatFiles = 6;         // as 8, from a table of contents
constexpr guint32 kFormatPartial = 7;       // files of an interrupted fetch; never used as a layer
constexpr const char* kKeyLayerFormat = "osb.layer.format";
constexpr const char* kKeyDiffId = "osb.layer.diff-id";
constexpr const char* kKeyCommit = "osb.layer.commit";
constexpr const char* kKeyImage = "osb.layer.image";
constexpr const char* kKeySize = "osb.layer.size";
constexpr const char* kKeyNotes = "osb.layer.notes";
constexpr const char* kKeyDigests = "osb.layer.digests";
constexpr const char* kEntriesFile = "entries";
constexpr const char* kDigestsFile = "digests";
constexpr std::size_t kMaxListFile = 1UL << 30;

RefName ref_of(const oci::Digest& digest) {
    return RefName::escaped(kRefPrefix, digest.to_string());
}

guint32 format_of_kind(LayerKind kind) {
    return kind == LayerKind::ordinary ? kFormat : kFormatEncapsulated;
}

guint32 format_of_table(LayerKind kind) {
    return kind == LayerKind::ordinary ? kFormatFiles : kFormatTable;
}

guint32 format_of(const Layer& layer) {
    if (layer.is_partial) return kFormatPartial;
    if (layer.table) return format_of_table(layer.kind());
    return format_of_kind(layer.kind());
}

// Reads a list in a commit's root directory.
std::string read_file(OstreeRepo* repo, const CommitId& commit, const char* name) {
    GFile* root = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_read_commit(repo, commit.c_str(), &root, nullptr, nullptr, error.out()) != 0,
                "cannot read a layer's commit");
    const GObjectPtr<GFile> owned_root(root);
    const GObjectPtr<GFile> file(g_file_get_child(root, name));
    const GObjectPtr<GFileInputStream> stream(g_file_read(file.get(), nullptr, error.out()));
    if (!stream) error.raise("cannot read a list of a layer");
    std::string out;
    constexpr std::size_t kStep = 256UL * 1024;
    for (;;) {
        const std::size_t old = out.size();
        out.resize(old + kStep);
        gsize n = 0;
        error.check(g_input_stream_read_all(G_INPUT_STREAM(stream.get()), out.data() + old, kStep, &n,
                                            nullptr, error.out()) != 0,
                    "cannot read a list of a layer");
        out.resize(old + n);
        if (n < kStep) return out;
        if (out.size() > kMaxListFile) throw Error(ErrorKind::too_large, "a list of a layer is too large");
    }
}

GVariant* string_array(const std::vector<std::string>& texts) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
    for (const std::string& text : texts) g_variant_builder_add(&builder, "s", text.c_str());
    return g_variant_builder_end(&builder);
}

std::unique_ptr<Layer> load_commit_layer(const Repository& repository, const CommitId& commit,
                                         const oci::Digest& diff_id, LayerKind kind, guint32 wanted) {
    OstreeRepo* const repo = repository.handle().repo.get();
    const GVariantPtr commit_object = load_commit(repository, commit);
    if (!commit_object) return nullptr;
    const GVariantPtr metadata = metadata_of(commit_object.get());
    guint32 format = 0;
    if (g_variant_lookup(metadata.get(), kKeyLayerFormat, "u", &format) == FALSE || format != wanted)
        return nullptr;
    const std::optional<CommitId> held = CommitId::try_parse(lookup_string(metadata.get(), kKeyCommit));
    if (held.has_value() != (kind == LayerKind::commit)) return nullptr;
    const std::string known = lookup_string(metadata.get(), kKeyDiffId);
    if (known != diff_id.to_string()) {
        throw Error(
            ErrorKind::digest_mismatch,
            concat("unpacks to ", escape(known), ", but the image's config declares ", diff_id.to_string()));
    }
    auto layer = std::make_unique<Layer>(diff_id, kind);
    layer->commit = held;
    guint64 size = 0;
    if (g_variant_lookup(metadata.get(), kKeySize, "t", &size) != FALSE) layer->uncompressed_size = size;
    layer->notes() = lookup_strings(metadata.get(), kKeyNotes);
    layer->image_layers = lookup_strings(metadata.get(), kKeyImage);
    parse_entries(read_file(repo, commit, kEntriesFile), *layer);
    return layer;
}

std::unique_ptr<Layer> load_named_layer(const Repository& repository, const oci::Digest& name,
                                        const oci::Digest& diff_id, LayerKind kind, guint32 format) {
    const std::optional<CommitId> commit = repository.resolve(ref_of(name).text());
    if (!commit) return nullptr;
    try {
        return load_commit_layer(repository, *commit, diff_id, kind, format);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::digest_mismatch) throw;
        // The repository was pruned or damaged, so the layer is read again.
        log_debug(concat("layer ", name.short_string(), " cannot be reused: ", error.message()));
        return nullptr;
    }
}

// Adds the objects of the layer, named by their checksums, in directories by the first digit. A single
// directory would exceed ostree's size limit of a dirtree, and many small ones would cost a file each.
Node object_tree(const Layer& layer, const Sha256& entries_file, const Sha256* digests_file) {
    Node root = Node::directory();
    root.set_child(kEntriesFile, Node::file(entries_file));
    if (digests_file != nullptr) root.set_child(kDigestsFile, Node::file(*digests_file));
    Node& objects = root.set_child("objects", Node::directory());
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind != EntryKind::file && entry.kind != EntryKind::symlink) continue;
        const std::string hex = to_hex(entry.checksum);
        const std::string_view first = std::string_view(hex).substr(0, 1);
        Node* directory = objects.child(first);
        if (directory == nullptr) directory = &objects.set_child(first, Node::directory());
        directory->set_child(hex, Node::file(entry.checksum));
    }
    return root;
}

GVariantPtr layer_metadata(const Layer& layer) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    if (layer.commit)
        g_variant_builder_add(&builder, "{sv}", kKeyCommit, g_variant_new_string(layer.commit->c_str()));
    g_variant_builder_add(&builder, "{sv}", kKeyDiffId,
                          g_variant_new_string(layer.diff_id().to_string().c_str()));
    if (!layer.digests().empty()) {
        g_variant_builder_add(&builder, "{sv}", kKeyDigests, g_variant_new_uint64(layer.digests().size()));
    }
    g_variant_builder_add(&builder, "{sv}", kKeyLayerFormat, g_variant_new_uint32(format_of(layer)));
    if (!layer.image_layers.empty())
        g_variant_builder_add(&builder, "{sv}", kKeyImage, string_array(layer.image_layers));
    g_variant_builder_add(&builder, "{sv}", kKeyNotes, string_array(layer.notes()));
    g_variant_builder_add(&builder, "{sv}", kKeySize, g_variant_new_uint64(layer.uncompressed_size));
    return take(g_variant_builder_end(&builder));
}

// libostree lists every file in the directory as a ref, including the temporary files of other processes.
bool is_layer_ref(std::string_view ref) {
    constexpr std::string_view kSha = "sha";  // sha256_3A_..., sha512_3A_...
    return ref.substr(ref.rfind('/') + 1).starts_with(kSha);
}

// Adds the layers of a commit's image, from the digests in its manifest and the diffIDs in its config.
void add_layers_of(GVariant* metadata, std::set<std::string>& refs) {
    const std::string manifest_text = lookup_string(metadata, "ostree.manifest");
    const std::string config_text = lookup_string(metadata, "ostree.container.image-config");
    if (manifest_text.empty() || config_text.empty()) return;
    const oci::Manifest manifest = oci::Manifest::parse(manifest_text, "", HashAlgorithm::sha256);
    const std::vector<oci::Digest> diff_ids = oci::ImageConfig::parse(config_text).diff_ids;
    for (const std::string& name : layer_names(manifest, diff_ids, manifest.layers.size()))
        refs.insert(ref_of(oci::Digest::parse(name)).text());
}

struct LayerRef {
    std::string ref;
    CommitId commit;
    GVariantPtr metadata;  // null for an incomplete commit
};

std::vector<LayerRef> layer_refs(const Repository& repository) {
    std::vector<LayerRef> out;
    for (const std::string& ref : repository.refs(kRefPrefix)) {
        const std::optional<CommitId> commit = is_layer_ref(ref) ? repository.resolve(ref) : std::nullopt;
        if (!commit) continue;
        const GVariantPtr commit_object = load_commit(repository, *commit);
        out.push_back({ref, *commit, commit_object ? metadata_of(commit_object.get()) : nullptr});
    }
    return out;
}

bool has_digests(const LayerRef& layer) {
    guint64 count = 0;
    return layer.metadata && g_variant_lookup(layer.metadata.get(), kKeyDigests, "t", &count) != FALSE;
}

// Adds the layers of an image that holds one of `commits`. Such a commit does not list its layers, but the
// first layer does.
void add_layers_with(const LayerRef& layer, const std::set<CommitId>& commits, std::set<std::string>& refs) {
    if (!layer.metadata) return;
    const auto held = CommitId::try_parse(lookup_string(layer.metadata.get(), kKeyCommit));
    if (!held || !commits.contains(*held)) return;
    refs.insert(layer.ref);
    for (const std::string& digest : lookup_strings(layer.metadata.get(), kKeyImage))
        refs.insert(ref_of(oci::Digest::parse(digest)).text());
}

}  // namespace

std::optional<oci::Digest> table_key(const oci::Descriptor& layer, const oci::Digest& diff_id) {
    try {
        const auto location = oci::find_toc(layer);
        if (!location) return {};
        return table_key(kWholeTable, layer.digest, location->toc_digest, diff_id);
    } catch (const Error&) {
        return {};  // such a table is not read either
    }
}

oci::Digest table_key(std::string_view purpose, const oci::Digest& blob, const Sha256& table,
                      const oci::Digest& diff_id) {
    const std::string text =
        concat(purpose, '\n', blob.to_string(), '\n', to_hex(table), '\n', diff_id.to_string(), '\n');
    return oci::Digest::of(as_bytes(text));
}

std::vector<std::string> layer_names(const oci::Manifest& manifest, const std::vector<oci::Digest>& diff_ids,
                                     std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
        const oci::Descriptor& layer = manifest.layers[i];
        out.push_back(layer.digest.to_string());
        if (i >= diff_ids.size()) continue;
        out.push_back(diff_ids[i].to_string());
        if (const auto key = table_key(layer, diff_ids[i])) out.push_back(key->to_string());
    }
    return out;
}

std::unique_ptr<Layer> load_layer(const Repository& repository, const oci::Digest& digest,
                                  const oci::Digest& diff_id, LayerKind kind) {
    for (const oci::Digest* name : {&digest, &diff_id}) {
        if (auto layer = load_named_layer(repository, *name, diff_id, kind, format_of_kind(kind)))
            return layer;
    }
    return nullptr;
}

std::unique_ptr<Layer> load_table_layer(const Repository& repository, const oci::Digest& key,
                                        const oci::Digest& diff_id, LayerKind kind) {
    auto out = load_named_layer(repository, key, diff_id, kind, format_of_table(kind));
    if (out != nullptr) out->table = key;
    return out;
}

bool has_known_contents(const Repository& repository) {
    const std::vector<LayerRef> layers = layer_refs(repository);
    return std::any_of(layers.begin(), layers.end(),
                       [](const LayerRef& layer) { return has_digests(layer); });
}

void for_each_known_content(const Repository& repository,
                            const std::function<void(const KnownContent&)>& take) {
    std::set<CommitId> seen;  // a layer that was read has two refs
    for (const LayerRef& layer : layer_refs(repository)) {
        if (!has_digests(layer) || !seen.insert(layer.commit).second) continue;
        try {
            parse_digests(read_file(repository.handle().repo.get(), layer.commit, kDigestsFile), take);
        } catch (const Error& error) {
            // The repository was pruned or damaged, so the files are fetched again.
            log_debug(concat("the digests of a layer cannot be used: ", error.message()));
        }
    }
}

bool holds_all_files(const ObjectWriter& writer, const Layer& layer) {
    return std::all_of(layer.entries().begin(), layer.entries().end(), [&writer](const LayerEntry& entry) {
        const bool has_object = entry.kind == EntryKind::file || entry.kind == EntryKind::symlink;
        return !has_object || writer.is_stored(entry.checksum, ObjectType::file);
    });
}

GVariantPtr make_layer_commit(ObjectWriter& writer, const Layer& layer) {
    const FileMeta meta{.uid = 0, .gid = 0, .mode = S_IFREG | 0644U, .xattrs = {}};
    const Sha256 entries = writer.write_file(meta, {}, as_bytes(serialize_entries(layer)));
    std::optional<Sha256> digests;
    if (!layer.digests().empty()) digests = writer.write_file(meta, {}, as_bytes(serialize_digests(layer)));
    const WrittenTree tree = write_tree(writer, object_tree(layer, entries, digests ? &*digests : nullptr));
    const GVariantPtr metadata = layer_metadata(layer);
    return make_commit({.metadata = metadata.get(), .root = tree});
}

bool knows_blob(const Repository& repository, const oci::Digest& digest, const oci::Digest& diff_id) {
    if (digest == diff_id) return true;  // an uncompressed layer
    const std::optional<CommitId> commit = repository.resolve(ref_of(digest).text());
    const GVariantPtr commit_object = commit ? load_commit(repository, *commit) : nullptr;
    if (!commit_object) return false;
    const GVariantPtr metadata = metadata_of(commit_object.get());
    return lookup_string(metadata.get(), kKeyDiffId) == diff_id.to_string();
}

void save_layer(Transaction& transaction, GVariant* commit_object, const Layer& layer) {
    const CommitId commit = transaction.write_commit(commit_object);
    if (layer.table) return transaction.set_ref(ref_of(*layer.table), commit);
    if (layer.blob) transaction.set_ref(ref_of(*layer.blob), commit);
    transaction.set_ref(ref_of(layer.diff_id()), commit);
}

void forget_unused_layers(Transaction& transaction, const Repository& repository,
                          const std::vector<oci::Digest>& keep) {
    std::set<std::string> used;
    for (const oci::Digest& digest : keep) used.insert(ref_of(digest).text());
    try {
        std::set<CommitId> commits;  // the commits of all refs
        for (const std::string& ref : repository.refs("")) {
            if (ref.starts_with(kRefPrefix)) continue;
            const std::optional<CommitId> commit = repository.resolve(ref);
            const GVariantPtr commit_object = commit ? load_commit(repository, *commit) : nullptr;
            if (!commit_object) continue;
            commits.insert(*commit);
            add_layers_of(metadata_of(commit_object.get()).get(), used);
        }
        const std::vector<LayerRef> layers = layer_refs(repository);
        for (const LayerRef& layer : layers) add_layers_with(layer, commits, used);
        // A layer that was read has two refs.
        std::set<CommitId> used_layers;
        for (const LayerRef& layer : layers) {
            if (used.contains(layer.ref)) used_layers.insert(layer.commit);
        }
        for (const LayerRef& layer : layers) {
            if (!used_layers.contains(layer.commit)) transaction.delete_ref(layer.ref);
        }
    } catch (const Error& error) {
        // The use of a layer is unknown if a ref cannot be read, or if other processes write refs. Do not
        // fail then, but delete nothing.
        log_debug(concat("refs of layers are kept: ", error.message()));
    }
}

}  // namespace osb::ostree
