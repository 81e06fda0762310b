#include "ostree/objects/detached_metadata.hh"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

using Values = std::map<std::string, GVariantPtr>;

bool is_list(GVariant* value) {
    return g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING_ARRAY) != FALSE;
}

// The signatures of both lists, without those of another form, which would only fill the list: those of
// `present`, then those of `added` that are not in `present`, while there are less than kMaxCommitSignatures.
// Returns nullptr if `added` brings nothing.
GVariantPtr united(std::string_view key, GVariant* present, GVariant* added) {
    std::set<std::string> known;
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_BYTESTRING_ARRAY);
    const auto append = [&](GVariant* list, std::size_t limit) {
        for (gsize i = 0; i < g_variant_n_children(list) && known.size() < limit; ++i) {
            const GVariantPtr element(g_variant_get_child_value(list, i));
            const ByteView bytes = view_byte_array(element.get());
            if (!has_signature_form(key, bytes) || !known.emplace(as_text(bytes)).second) continue;
            g_variant_builder_add_value(&builder, element.get());
        }
    };
    append(present, SIZE_MAX);
    const std::size_t before = known.size();
    append(added, kMaxCommitSignatures);
    GVariantPtr out = take(g_variant_builder_end(&builder));
    if (known.size() == before) out.reset();
    return out;
}

// Returns false if nothing changed.
bool add_value(std::string_view key, GVariantPtr& present, GVariantPtr added, Preferred preferred) {
    const bool had_list = present && is_list(present.get());
    const bool adds_list = is_list(added.get());
    if (had_list && adds_list) {
        added = united(key, present.get(), added.get());
        if (!added) return false;
    } else if (had_list || (present && !adds_list && preferred == Preferred::present)) {
        return false;
    }
    if (present && g_variant_equal(present.get(), added.get()) != FALSE) return false;
    present = std::move(added);
    return true;
}

// Returns false if it is malformed.
bool parse(std::string_view bytes, Values& out) {
    const GVariantPtr dict = variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(bytes), /*trusted=*/false);
    if (g_variant_is_normal_form(dict.get()) == FALSE) return false;
    GVariantIter iter;
    g_variant_iter_init(&iter, dict.get());
    while (GVariant* entry = g_variant_iter_next_value(&iter)) {
        const GVariantPtr owned(entry);
        const char* key = nullptr;
        g_variant_get_child(entry, 0, "&s", &key);
        const GVariantPtr boxed(g_variant_get_child_value(entry, 1));
        // A dictionary may have a key twice. g_variant_lookup() finds the first, so no signature is left out.
        add_value(key, out[key], GVariantPtr(g_variant_get_variant(boxed.get())), Preferred::present);
    }
    return true;
}

std::string serialize(const Values& values) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (const auto& [key, value] : values) g_variant_builder_add(&builder, "{sv}", key.c_str(), value.get());
    const GVariantPtr out = take(g_variant_builder_end(&builder));
    return std::string(as_text(bytes_of(out.get())));
}

}  // namespace

std::string join_detached_metadata(std::string_view present, std::string_view added, Preferred preferred) {
    if (added.empty()) return std::string(present);
    Values values;
    Values more;
    if (!parse(added, more)) throw Error(ErrorKind::invalid, "malformed detached metadata of a commit");
    if (present.empty() || !parse(present, values)) return std::string(added);
    bool changed = false;
    for (auto& [key, value] : more)
        changed = add_value(key, values[key], std::move(value), preferred) || changed;
    if (!changed) return std::string(present);
    std::string out = serialize(values);
    if (out.size() > kMaxMetadataSize) {
        throw Error(ErrorKind::too_large, concat("the detached metadata would have ", out.size(),
                                                 " bytes; ostree accepts ", kMaxMetadataSize));
    }
    return out;
}

void store_detached_metadata(Repository& repository, const CommitId& commit, std::string_view added) {
    const std::string present = read_detached_metadata(repository, commit);
    if (join_detached_metadata(present, added, Preferred::present) == present) return;
    Transaction transaction(repository);
    transaction.lock_refs();
    transaction.add_detached_metadata(commit, added, Preferred::present);
    transaction.commit();
}

}  // namespace osb::ostree
