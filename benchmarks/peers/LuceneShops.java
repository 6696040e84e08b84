import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.lucene.document.*;
import org.apache.lucene.geo.*;
import org.apache.lucene.index.*;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexOrDocValuesQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.SimpleCollector;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.Version;

/**
 * Indexes the rows in a folder with Lucene, then answers questions, a line each; `lucene.py` writes
 * both. Arguments: the folder, the walk's cost per metre. It ends with its standard input.
 */
public final class LuceneShops {
  private static final double EARTH_RADIUS_M = 6_371_008.8;
  /** Where the nearest are looked for first, where most shops match and where few do. */
  private static final double FIRST_M = 250;
  private static final double FIRST_OF_FEW_M = 1_000;

  /** So many shops with a term are not worth a second circle. */
  private static final int ALL_OF = 4_096;

  private final IndexSearcher searcher;
  private final double walkCost;

  private LuceneShops(IndexSearcher searcher, double walkCost) {
    this.searcher = searcher;
    this.walkCost = walkCost;
  }

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    MMapDirectory directory = new MMapDirectory(folder.resolve("index"));
    build(folder, directory);
    IndexSearcher searcher = new IndexSearcher(DirectoryReader.open(directory));
    searcher.setQueryCache(null); // Circles do not repeat; kept cards made no difference.
    LuceneShops shops = new LuceneShops(searcher, Double.parseDouble(args[1]));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    out.println(Version.LATEST);
    out.flush();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(shops.answer(line.split("\t", -1)));
      out.flush();
    }
  }

  /** One segment, its documents in the order of the rows given. */
  private static void build(Path folder, MMapDirectory directory) throws IOException {
    IndexWriterConfig config = new IndexWriterConfig(null);
    config.setRAMBufferSizeMB(512).setUseCompoundFile(false);
    config.setMergePolicy(new LogDocMergePolicy()); // Keeps neighbours together.
    try (FileChannel file = FileChannel.open(folder.resolve("rows"));
        IndexWriter writer = new IndexWriter(directory, config);
        BufferedReader words = Files.newBufferedReader(folder.resolve("words"))) {
      ByteBuffer rows = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
      while (rows.hasRemaining()) {
        Document shop = new Document();
        double lat = rows.getDouble();
        double lng = rows.getDouble();
        shop.add(new LatLonPoint("place", lat, lng));
        shop.add(new LatLonDocValuesField("place", lat, lng));
        shop.add(new NumericDocValuesField("lat", Double.doubleToRawLongBits(lat)));
        shop.add(new NumericDocValuesField("lng", Double.doubleToRawLongBits(lng)));
        for (String name : new String[] {"x", "y", "z", "worth", "saving", "row", "set"}) {
          shop.add(new NumericDocValuesField(name, rows.getLong()));
        }
        long programs = rows.getLong();
        for (long left = programs; left != 0; left &= left - 1) {
          String name = "program" + Long.numberOfTrailingZeros(left);
          shop.add(new StringField("tag", name, Field.Store.NO));
        }
        long hours = rows.getLong();
        if ((hours & 1) != 0) shop.add(new StringField("tag", "open_now", Field.Store.NO));
        if ((hours & 2) != 0) shop.add(new StringField("tag", "open_later", Field.Store.NO));
        for (String word : words.readLine().split(" ")) {
          if (!word.isEmpty()) shop.add(new StringField("word", word, Field.Store.NO));
        }
        writer.addDocument(shop);
      }
      writer.forceMerge(1);
    }
  }

  /** Fields: lat, lng, radius, x, y, z, hours, programs, sort, limit, counted, words, polygon. */
  private String answer(String[] asked) throws IOException {
    double lat = Double.parseDouble(asked[0]);
    double lng = Double.parseDouble(asked[1]);
    double radius = Double.parseDouble(asked[2]);
    Polygon ring = ring(asked[12]);
    boolean whole = !asked[8].equals("distance") || asked[10].equals("1") || ring != null;
    long programs = Long.parseLong(asked[7]);
    boolean few = Long.bitCount(programs) == 1 || !asked[11].isEmpty();
    double reach = Math.min(few ? FIRST_OF_FEW_M : FIRST_M, radius);
    if (whole || few && rarest(programs, asked[11]) <= ALL_OF) reach = radius;
    while (true) {
      BooleanQuery.Builder query = new BooleanQuery.Builder();
      query.add(box(lat, lng, reach, ring), Occur.FILTER);
      addTerms(query, asked[6], programs, asked[11]);
      First first = new First(asked, reach, ring);
      searcher.search(query.build(), first);
      if (reach >= radius || first.found >= first.keys.length) return first.told();
      double growth = Math.sqrt(2.0 * first.keys.length / Math.max(first.found, 1));
      reach = Math.min(reach * Math.min(growth, 4), radius);
    }
  }

  /** Shops with the rarest of the words and the programme, if there is one. */
  private int rarest(long programs, String words) throws IOException {
    int least = Integer.MAX_VALUE;
    IndexReader reader = searcher.getIndexReader();
    if (Long.bitCount(programs) == 1) {
      String name = "program" + Long.numberOfTrailingZeros(programs);
      least = reader.docFreq(new Term("tag", name));
    }
    for (String word : words.split(" ")) {
      if (word.isEmpty()) continue;
      least = Math.min(least, reader.docFreq(new Term("word", word)));
    }
    return least;
  }

  /** A box around a circle or a ring; `First` is exact. */
  private static Query box(double lat, double lng, double radius, Polygon ring) {
    double wide = radius * (1 + 1e-6) + 0.1;
    Rectangle box = Rectangle.fromPointDistance(lat, lng, wide);
    if (ring != null) {
      // Wider than the centimetre that positions are rounded by.
      double low = Math.max(ring.minLat - 1e-6, -90), high = Math.min(ring.maxLat + 1e-6, 90);
      double west = Math.max(ring.minLon - 1e-6, -180), east = Math.min(ring.maxLon + 1e-6, 180);
      box = new Rectangle(low, high, west, east);
    }
    return new IndexOrDocValuesQuery(
        LatLonPoint.newBoxQuery("place", box.minLat, box.maxLat, box.minLon, box.maxLon),
        LatLonDocValuesField.newSlowBoxQuery(
            "place", box.minLat, box.maxLat, box.minLon, box.maxLon));
  }

  private static Polygon ring(String corners) {
    if (corners.isEmpty()) return null;
    double[] flat = Arrays.stream(corners.split(" ")).mapToDouble(Double::parseDouble).toArray();
    int count = flat.length / 2;
    double[] lats = new double[count + 1];
    double[] lngs = new double[count + 1];
    for (int i = 0; i <= count; i++) {
      lngs[i] = flat[2 * (i % count)];
      lats[i] = flat[2 * (i % count) + 1];
    }
    return new Polygon(lats, lngs);
  }

  private static void addTerms(
      BooleanQuery.Builder query, String hours, long programs, String words) {
    if (!hours.isEmpty()) query.add(term("tag", hours), Occur.FILTER);
    if (programs != 0) {
      BooleanQuery.Builder any = new BooleanQuery.Builder();
      for (long left = programs; left != 0; left &= left - 1) {
        any.add(term("tag", "program" + Long.numberOfTrailingZeros(left)), Occur.SHOULD);
      }
      query.add(any.build(), Occur.FILTER);
    }
    for (String word : words.split(" ")) {
      if (word.isEmpty()) continue;
      query.add(term("word", word), Occur.FILTER);
    }
  }

  private static Query term(String field, String text) {
    return new TermQuery(new Term(field, text));
  }

  /** The first rows by the key asked for, the least first, and counts by category set. */
  private final class First extends SimpleCollector {
    final double[] keys;
    final long[] rows;
    int found = 0;
    private int kept = 0;
    private final double x, y, z, limit;
    private final boolean bySaving, byWorth;
    private final Component2D inside;
    private int[] counts;
    private NumericDocValues lats, lngs, xs, ys, zs, values, numbers, sets;

    First(String[] asked, double radius, Polygon ring) {
      x = Double.parseDouble(asked[3]);
      y = Double.parseDouble(asked[4]);
      z = Double.parseDouble(asked[5]);
      bySaving = asked[8].equals("saving");
      byWorth = asked[8].equals("best");
      keys = new double[Integer.parseInt(asked[9])];
      rows = new long[keys.length];
      counts = asked[10].equals("1") ? new int[64] : null;
      double chord = 2 * Math.sin(Math.min(radius / (2 * EARTH_RADIUS_M), Math.PI / 2));
      limit = chord * chord;
      inside = ring == null ? null : LatLonGeometry.create(ring);
    }

    @Override
    protected void doSetNextReader(LeafReaderContext context) throws IOException {
      LeafReader leaf = context.reader();
      lats = DocValues.getNumeric(leaf, "lat");
      lngs = DocValues.getNumeric(leaf, "lng");
      xs = DocValues.getNumeric(leaf, "x");
      ys = DocValues.getNumeric(leaf, "y");
      zs = DocValues.getNumeric(leaf, "z");
      numbers = DocValues.getNumeric(leaf, "row");
      if (bySaving || byWorth) values = DocValues.getNumeric(leaf, bySaving ? "saving" : "worth");
      if (counts != null) sets = DocValues.getNumeric(leaf, "set");
    }

    @Override
    public void collect(int doc) throws IOException {
      double key = 0;
      if (bySaving) {
        long saving = value(values, doc);
        key = saving == Long.MIN_VALUE ? Double.POSITIVE_INFINITY : -saving;
      } else if (byWorth) {
        key = -real(values, doc);
      }
      // The way only makes a shop worth less: it need not be known of one that is too late already.
      if (counts == null && kept == keys.length && (bySaving || byWorth) && key >= keys[kept - 1]) {
        return;
      }
      if (inside != null && !inside.contains(real(lngs, doc), real(lats, doc))) return;
      double east = real(xs, doc) - x;
      double north = real(ys, doc) - y;
      double up = real(zs, doc) - z;
      double chord = east * east + north * north + up * up;
      if (inside == null && chord > limit) return;
      found++;
      if (counts != null) {
        int set = (int) value(sets, doc);
        if (set >= counts.length) counts = Arrays.copyOf(counts, 2 * set);
        counts[set]++;
      }
      if (byWorth) {
        key += walkCost * 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(chord) / 2);
      } else if (!bySaving) {
        key = chord;
      }
      keep(key, doc);
    }

    private void keep(double key, int doc) throws IOException {
      if (kept == keys.length) {
        if (kept == 0 || key >= keys[kept - 1]) return;
        kept--;
      }
      int at = kept++;
      for (; at > 0 && keys[at - 1] > key; at--) {
        keys[at] = keys[at - 1];
        rows[at] = rows[at - 1];
      }
      keys[at] = key;
      rows[at] = value(numbers, doc);
    }

    /** Rows, and after a semicolon each category set that was met and its number. */
    String told() {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < kept; i++) line.append(rows[i]).append(' ');
      line.append(';');
      for (int set = 0; counts != null && set < counts.length; set++) {
        if (counts[set] > 0) line.append(set).append(' ').append(counts[set]).append(' ');
      }
      return line.toString();
    }

    @Override
    public ScoreMode scoreMode() {
      return ScoreMode.COMPLETE_NO_SCORES;
    }
  }

  private static long value(NumericDocValues values, int doc) throws IOException {
    values.advanceExact(doc);
    return values.longValue();
  }

  private static double real(NumericDocValues values, int doc) throws IOException {
    return Double.longBitsToDouble(value(values, doc));
  }
}
