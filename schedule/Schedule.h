// Tile sizes and the like: everything about a kernel that its mathematics leaves open.
#ifndef JVPGEN_SCHEDULE_SCHEDULE_H
#define JVPGEN_SCHEDULE_SCHEDULE_H

#include <string>

namespace jvpgen {

/// One record from template to SQL column.
struct Schedule {
  int tile_m = 64; ///< query rows of a tile
  int tile_n = 64; ///< key rows of a tile
  int warps = 4;
  int stages = 2; ///< slots of the ring of streamed tiles
  int splits = 0; ///< parts into which a block's streamed rows are divided where the machine would idle
                  ///< (schedule/Division.h); 0: as many as the shape asks for
  bool operator==(const Schedule &) const = default;
};

/// What a kernel needs of the machine, for any tile sizes: lengths in elements, counts of tiles and of numbers.
struct ResourceModel {
  int own_features = 0;       ///< sum of the lengths of owned operands' rows in shared memory, padding included
  int streamed_features = 0;  ///< the same of streamed operands
  int streamed_numbers = 0;   ///< float32 statistics per streamed row, in shared memory
  int own_registers = 0;      ///< 32-bit registers per thread for 16 owned rows kept as operands
  int score_tiles = 0;        ///< float32 tiles alive at once
  int packed_tiles = 0;       ///< tiles alive as operands of output products
  int output_features = 0;    ///< sum of feature lengths of output accumulators
  int element_bytes = 2;      ///< of an operand in shared memory
  bool owns_queries = true;   ///< row sweep: tile_m is owned, tile_n streamed; column sweep: the other way round
  int key_features = 0;       ///< of streamed_features, those of scores; the others' tiles have slots of their own
  int early_scores = 0;       ///< of score_tiles, those that are under way while output products read packed tiles
  int fetched_tiles = 0;      ///< tiles loaded beside the products, counted as packed ones
  int mask_registers = 0;     ///< that the mask and indices in scores need beside tiles
  bool masks_entries = false; ///< some value asks the mask at each entry, since no score can be -infinity in its place
  bool warpgroups = false;    ///< Hopper: a warpgroup copies, the others multiply; stages counts both kinds of slots
  bool is_sweep = false;      ///< a pre- or post-pass needs nothing of all this, and its schedule is fixed
};

} // namespace jvpgen

#endif
