using System.Text;
using Grid.Contracts.Queues;

namespace Grid.Grains.Machines.Queues;

/// <summary>The nodes of a pool with what they hold, and the choice among them. Equal tables choose equally.</summary>
internal sealed class NodeTable
{
    /// <summary>How much more than the average a node may be used before warm content no longer draws builds to it.</summary>
    private const double AffinityBound = 1.25;

    private readonly Dictionary<string, Node> _nodes = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _drained = new(StringComparer.Ordinal);

    /// <summary>Nodes that get no new builds until somebody says otherwise, by name.</summary>
    public IReadOnlyCollection<string> Drained => _drained;

    public IEnumerable<Node> All => _nodes.Values.OrderBy(n => n.Id.Node, StringComparer.Ordinal).ThenBy(n => n.Id.Session, StringComparer.Ordinal);

    public int Slots => _nodes.Values.Sum(n => n.Slots);

    /// <summary>Slots of nodes that get new builds.</summary>
    public int OpenSlots => _nodes.Values.Where(n => !IsDraining(n)).Sum(n => n.Slots);

    /// <summary>Grows when nodes come and go, and when what they say of themselves changes.</summary>
    public int Version { get; private set; }

    public Node? Find(string session) => _nodes.GetValueOrDefault(session);

    /// <summary>The node of a session, made when it is new.</summary>
    public Node Open(NodeSession id, DateTimeOffset now)
    {
        if (!_nodes.TryGetValue(id.Session, out var node))
        {
            _nodes[id.Session] = node = new Node(id) { LastSeen = now };
            Version++;
        }
        return node;
    }

    public void Remove(string session)
    {
        if (_nodes.Remove(session))
            Version++;
    }

    /// <summary>What a node says of itself.</summary>
    public void Take(Node node, NodeReport report)
    {
        var isNews = node.Slots != report.Slots || node.Leaving != report.Draining || !node.Warm.SetEquals(report.Warm)
            || node.Labels.Count != report.Labels.Count || report.Labels.Any(l => node.Labels.GetValueOrDefault(l.Key) != l.Value);
        (node.Slots, node.Leaving, node.Labels, node.Warm) = (report.Slots, report.Draining, report.Labels, report.Warm.ToHashSet(StringComparer.Ordinal));
        if (isNews)
            Version++;
    }

    /// <summary>Whether this changed anything.</summary>
    public bool Drain(string node, bool drain) => drain ? _drained.Add(node) : _drained.Remove(node);

    public bool IsDraining(Node node) => node.Leaving || _drained.Contains(node.Id.Node);

    /// <summary>Whether a build could be placed.</summary>
    public bool HasFree => _nodes.Values.Any(n => n.Used < n.Slots && !IsDraining(n));

    /// <summary>A home for a build: where its content is warm unless that node is busier than others, else the less used of two.</summary>
    public Node? ChooseHome(string key, IReadOnlyList<string> warm)
    {
        var free = All.Where(n => n.Used < n.Slots && !IsDraining(n)).ToList();
        if (free.Count == 0)
            return null;
        var (best, score) = free.Select(n => (Node: n, Score: n.WarmthFor(warm))).Aggregate((a, b) => b.Score > a.Score || (b.Score == a.Score && b.Node.Load < a.Node.Load) ? b : a);
        var average = (_nodes.Values.Sum(n => n.Used) + 1.0) / Math.Max(1, Slots);
        return score > 0 && best.Used + 1 <= Math.Ceiling(AffinityBound * average * best.Slots) ? best : LessUsedOfTwo(free, key);
    }

    /// <summary>A node with an idle slot for the run extension of a build at home elsewhere; null when there is none.</summary>
    public Node? ChooseGuest(string key, NodeSession home)
    {
        var free = All.Where(n => n.Id != home && n.Used + n.Guests < n.Slots && !IsDraining(n)).ToList();
        return free.Count == 0 ? null : LessUsedOfTwo(free, key + "/run");
    }

    private static Node LessUsedOfTwo(List<Node> nodes, string key)
    {
        var hash = Hash(key);
        var first = (int)(hash % (uint)nodes.Count);
        if (nodes.Count == 1)
            return nodes[0];
        var second = (first + 1 + (int)(hash / (uint)nodes.Count % (uint)(nodes.Count - 1))) % nodes.Count;
        return nodes[second].Load < nodes[first].Load ? nodes[second] : nodes[first];
    }

    /// <summary>FNV-1a: the same on every silo and in every process, which string.GetHashCode is not.</summary>
    private static uint Hash(string key)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(key))
            hash = (hash ^ b) * 16777619u;
        return hash ^ (hash >> 15);
    }

    /// <summary>A node in one session.</summary>
    internal sealed class Node(NodeSession id)
    {
        public NodeSession Id { get; } = id;

        /// <summary>Builds it takes; 0 before it has spoken to this queue.</summary>
        public int Slots { get; set; }

        /// <summary>Builds at home here.</summary>
        public int Used { get; set; }

        /// <summary>Run extensions of builds at home elsewhere.</summary>
        public int Guests { get; set; }

        /// <summary>It said itself that it is going away.</summary>
        public bool Leaving { get; set; }

        public DateTimeOffset LastSeen { get; set; }

        public IReadOnlySet<string> Warm { get; set; } = new HashSet<string>();

        public IReadOnlyDictionary<string, string> Labels { get; set; } = new Dictionary<string, string>();

        public double Load => (double)(Used + Guests) / Math.Max(1, Slots);

        /// <summary>How much of what a build wants is at hand; what it named first counts most.</summary>
        public int WarmthFor(IReadOnlyList<string> wanted)
        {
            var score = 0;
            for (var n = 0; n < wanted.Count; n++)
                score += Warm.Contains(wanted[n]) ? wanted.Count - n : 0;
            return score;
        }
    }
}
